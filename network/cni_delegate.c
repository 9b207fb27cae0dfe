/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plugin called by its type, built in or executed, as is a plugin's IPAM plugin (plugin.h). */
#include "base/log.h"
#include "base/memory.h"
#include "network/cni_exec.h"
#include "network/plugin.h"

int cni_call_type(const struct cni_call *c, const char *type, enum cni_command command,
		  const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		  struct error *e)
{
	const struct plugin *own = plugin_find(type);

	log_debug("network %s: %s %s (%s)", c->network ? c->network : "", type,
		  cni_command_name(command), own ? "built in" : "executed");
	if (own)
		return plugin_call(own, command, c, valid, n_valid, ret, e);
	if (!cni_exec_offers(c, command))
		return 0;
	return cni_exec(c, type, command, valid, n_valid, ret, e);
}

/* ---- the IPAM plugin of a plugin ---- */

/* `web.conflist: plugins[0].ipam.type: TEXT` */
static int ipam_wrong(const struct cni_call *c, struct error *e, const char *text)
{
	return error_set(e, ERR_INPUT, "%s: %s%sipam.type: %s", c->file ? c->file : "stdin",
			 c->at ? c->at : "", c->at && c->at[0] ? "." : "", text);
}

static const char *ipam_type(const struct cni_call *c)
{
	const char *type = json_get_string(json_get(c->conf, "ipam"), "type");

	return type && type[0] ? type : NULL;
}

/* It would call itself for ever if it were its own IPAM plugin. */
static int delegate(const struct cni_call *c, enum cni_command command,
		    const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		    struct error *e)
{
	const char *type = ipam_type(c);
	const struct plugin *own = type ? plugin_find(type) : NULL;
	cleanup_free char *text = NULL;

	if (!type)
		return ipam_wrong(c, e, "missing");
	if (!own || own->ipam)
		return cni_call_type(c, type, command, valid, n_valid, ret, e);
	if (command == CNI_DEL || command == CNI_GC) /* it was never added */
		return 0;
	text = xasprintf("the plugin \"%s\" gives no addresses", type);
	return ipam_wrong(c, e, text);
}

int cni_delegate_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	const char *type = ipam_type(c);

	if (delegate(c, CNI_ADD, NULL, 0, ret, e) == 0)
		return 0;
	if (type && !plugin_find(type))
		delegate(c, CNI_DEL, NULL, 0, NULL, NULL); /* spec, section 4 */
	return -1;
}

int cni_delegate_del(const struct cni_call *c, struct error *e)
{
	return delegate(c, CNI_DEL, NULL, 0, NULL, e);
}

int cni_delegate_check(const struct cni_call *c, struct error *e)
{
	return delegate(c, CNI_CHECK, NULL, 0, NULL, e);
}

int cni_delegate_status(const struct cni_call *c, struct error *e)
{
	return delegate(c, CNI_STATUS, NULL, 0, NULL, e);
}

int cni_delegate_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		    struct error *e)
{
	return delegate(c, CNI_GC, valid, n_valid, NULL, e);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plugin asks of its call (plugin.h), and the delegation to its IPAM plugin. */
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/cni_exec.h"
#include "network/netns.h"
#include "network/plugin.h"
#include "network/rtnl.h"

static const struct {
	const char *name, *since;
} COMMANDS[] = {
	[CNI_ADD] = { "ADD", CNI_VERSION_OLDEST },
	[CNI_DEL] = { "DEL", CNI_VERSION_OLDEST },
	[CNI_CHECK] = { "CHECK", "0.4.0" },
	[CNI_STATUS] = { "STATUS", "1.1.0" },
	[CNI_GC] = { "GC", "1.1.0" },
};

const char *cni_command_name(enum cni_command command)
{
	return COMMANDS[command].name;
}

const char *cni_command_since(enum cni_command command)
{
	return COMMANDS[command].since;
}

int cni_call_netns(const struct cni_call *c, struct error *e)
{
	ERROR_INIT(mine);
	int fd;

	if (!c->netns || c->netns[0] != '/')
		return error_set(e, ERR_INPUT, "\"%.200s\" is no path of a network namespace",
				 c->netns ? c->netns : "");
	if (netns_open(c->netns, &fd, &mine) < 0)
		return error_set(e, ERR_INPUT, "%s", mine.msg);
	return fd;
}

int cni_call_inside(const struct cni_call *c, struct rtnl *ret, struct error *e)
{
	cleanup_close int fd = cni_call_netns(c, e);

	return fd < 0 ? -1 : rtnl_open_in(fd, ret, e);
}

int cni_call_pass(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	if (!c->has_prev)
		return error_set(e, ERR_INPUT,
				 "%s: prevResult: missing: this plugin stands behind another",
				 c->file ? c->file : "stdin");
	cni_result_copy(c->prev, ret);
	return 0;
}

char *cni_call_arg(const struct cni_call *c, const char *key)
{
	size_t n = strlen(key);

	for (const char *s = c->args; s && *s;) {
		size_t len = strcspn(s, ";");

		if (len > n && s[n] == '=' && strncmp(s, key, n) == 0)
			return xstrndup(s + n + 1, len - n - 1);
		s += len + (s[len] == ';');
	}
	return NULL;
}

const struct json *cni_call_runtime(const struct cni_call *c, const char *key)
{
	const struct json *m = json_get(json_get(c->conf, "runtimeConfig"), key);

	return m && m->type != JSON_NULL ? m : NULL;
}

/* ---- the call ---- */

int plugin_call(const struct plugin *p, enum cni_command command, const struct cni_call *c,
		const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		struct error *e)
{
	switch (command) {
	case CNI_ADD:
		return p->add ? p->add(c, ret, e)
			      : error_set(e, ERR_UNSUPPORTED, "it cannot be added");
	case CNI_DEL:
		return p->del ? p->del(c, e) : 0;
	case CNI_CHECK:
		return p->check ? p->check(c, e) : 0;
	case CNI_STATUS:
		return p->status ? p->status(c, e) : 0;
	case CNI_GC:
		return p->gc ? p->gc(c, valid, n_valid, e) : 0;
	}
	return 0;
}

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

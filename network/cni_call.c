/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plugin asks of its call (plugin.h), and the delegation to its IPAM plugin. */
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/cni_exec.h"
#include "network/netns.h"
#include "network/plugin.h"
#include "network/rtnl.h"

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

/* ---- the IPAM plugin of a plugin ---- */

static const char *ipam_type(const struct cni_call *c, struct error *e)
{
	const char *type = json_get_string(json_get(c->conf, "ipam"), "type");

	if (!type || !type[0])
		error_set(e, ERR_INPUT, "%s: %s%sipam.type: missing", c->file ? c->file : "stdin",
			  c->at ? c->at : "", c->at && c->at[0] ? "." : "");
	return type && type[0] ? type : NULL;
}

int cni_delegate_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	const char *type = ipam_type(c, e);
	const struct plugin *own;

	if (!type)
		return -1;
	own = plugin_find(type);
	if (own && own->add)
		return own->add(c, ret, e);
	if (own)
		return error_set(e, ERR_UNSUPPORTED, "plugin \"%s\" gives no addresses", type);
	if (cni_exec(c, type, "ADD", NULL, 0, ret, e) == 0)
		return 0;
	cni_exec(c, type, "DEL", NULL, 0, NULL, NULL); /* spec, section 4 */
	return -1;
}

int cni_delegate_del(const struct cni_call *c, struct error *e)
{
	const char *type = ipam_type(c, e);
	const struct plugin *own;

	if (!type)
		return -1;
	own = plugin_find(type);
	if (own)
		return own->del ? own->del(c, e) : 0;
	return cni_exec(c, type, "DEL", NULL, 0, NULL, e);
}

int cni_delegate_check(const struct cni_call *c, struct error *e)
{
	const char *type = ipam_type(c, e);
	const struct plugin *own;

	if (!type)
		return -1;
	own = plugin_find(type);
	if (own)
		return own->check ? own->check(c, e) : 0;
	return cni_exec_offers(c, "CHECK") ? cni_exec(c, type, "CHECK", NULL, 0, NULL, e) : 0;
}

int cni_delegate_status(const struct cni_call *c, struct error *e)
{
	const char *type = ipam_type(c, e);
	const struct plugin *own;

	if (!type)
		return -1;
	own = plugin_find(type);
	if (own)
		return own->status ? own->status(c, e) : 0;
	return cni_exec_offers(c, "STATUS") ? cni_exec(c, type, "STATUS", NULL, 0, NULL, e) : 0;
}

int cni_delegate_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		    struct error *e)
{
	const char *type = ipam_type(c, e);
	const struct plugin *own;

	if (!type)
		return -1;
	own = plugin_find(type);
	if (own)
		return own->gc ? own->gc(c, valid, n_valid, e) : 0;
	return cni_exec_offers(c, "GC") ? cni_exec(c, type, "GC", valid, n_valid, NULL, e) : 0;
}

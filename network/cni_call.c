/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plugin asks of its call (plugin.h). */
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plugin asks of its call (plugin.h), and the delegation to its IPAM plugin. */
#include <string.h>

#include "base/memory.h"
#include "network/netns.h"
#include "network/plugin.h"

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

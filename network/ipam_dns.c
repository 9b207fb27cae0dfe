/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name servers that come with host-local's addresses: those of the host's file "resolvConf". */
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/ipam.h"

#define WORDS_MAX	64
#define RESOLV_CONF_MAX ((size_t)64 << 10)

/* Adds to a NULL-terminated list; past WORDS_MAX nothing. */
static void add_word(char ***list, const char *word)
{
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	if (n == WORDS_MAX)
		return;
	*list = xreallocarray(*list, n + 2, sizeof(**list));
	(*list)[n] = xstrdup(word);
	(*list)[n + 1] = NULL;
}

/* One line of resolv.conf(5). */
static void take_line(char *line, struct cni_dns *d)
{
	char *rest = NULL, *key = strtok_r(line, " \t\r", &rest);
	struct ip_addr a;

	if (!key)
		return;
	for (char *word; (word = strtok_r(NULL, " \t\r", &rest));) {
		if (word[0] == '#' || word[0] == ';')
			return;
		if (str_eq(key, "nameserver")) {
			if (ip_addr_parse(word, &a, NULL) == 0) /* not so "fe80::1%eth0" */
				add_word(&d->nameservers, word);
			return;
		}
		if (str_eq(key, "domain")) {
			free(d->domain);
			d->domain = xstrdup(word);
			return;
		}
		if (str_eq(key, "search"))
			add_word(&d->search, word);
		else if (str_eq(key, "options"))
			add_word(&d->options, word);
		else
			return;
	}
}

int ipam_dns_resolv_conf(const struct decode_at *at, const struct json *ipam, struct cni_dns *ret,
			 struct error *e)
{
	cleanup_free char *text = NULL;
	const char *path;
	char *rest = NULL;

	if (decode_string(at, ipam, "resolvConf", &path, e) < 0)
		return -1;
	if (!path || !path[0])
		return 0;
	if (file_read(AT_FDCWD, path, true, RESOLV_CONF_MAX, &text, NULL, e) < 0)
		return error_wrap(e, "%s: %s.resolvConf", at->file, at->path);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (line[0] != '#' && line[0] != ';')
			take_line(line, ret);
	return 0;
}

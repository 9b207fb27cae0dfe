/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name servers that come with addresses: the object "dns" of ipam static (and of a plugin
 * itself), or, of host-local, what the host's file "resolvConf" says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/decode_impl.h"
#include "network/ipam.h"

#define WORDS_MAX	64
#define RESOLV_CONF_MAX ((size_t)64 << 10)

static void words_free(char **v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	strings_free(v, n);
}

void ipam_dns_done(struct cni_dns *d)
{
	words_free(d->nameservers);
	words_free(d->search);
	words_free(d->options);
	free(d->domain);
	memset(d, 0, sizeof(*d));
}

bool ipam_dns_is_set(const struct cni_dns *d)
{
	return d->nameservers || d->search || d->options || d->domain;
}

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

static int get_words(const struct decode_at *at, const struct json *j, const char *key,
		     char ***ret, struct error *e)
{
	const struct json *list;

	if (decode_array(at, j, key, &list, e) < 0)
		return -1;
	if (list && list->n > WORDS_MAX)
		return error_set(e, ERR_INPUT, "%s: %s.%s: more than %d", at->file, at->path, key,
				 WORDS_MAX);
	for json_each(m, list) {
		if (m->type != JSON_STRING)
			return decode_wrong(at, key, "strings", m, e);
		if (strpbrk(m->text, "\r\n")) /* it becomes a line of resolv.conf */
			return error_set(e, ERR_INPUT, "%s: %s.%s: a line break in \"%.40s\"",
					 at->file, at->path, key, m->text);
		add_word(ret, m->text);
	}
	return 0;
}

int ipam_dns_decode(const struct decode_at *at, const struct json *parent, const char *key,
		    struct cni_dns *ret, struct error *e)
{
	const struct json *j = decode_member(parent, key);
	struct decode_at here = { .file = at->file };
	const char *domain;

	if (!j)
		return 0;
	if (j->type != JSON_OBJECT)
		return decode_wrong(at, key, "an object", j, e);
	snprintf(here.path, sizeof(here.path), "%.80s%s%s", at->path, at->path[0] ? "." : "", key);
	if (get_words(&here, j, "nameservers", &ret->nameservers, e) < 0 ||
	    get_words(&here, j, "search", &ret->search, e) < 0 ||
	    get_words(&here, j, "options", &ret->options, e) < 0 ||
	    decode_string(&here, j, "domain", &domain, e) < 0)
		return -1;
	if (domain && strpbrk(domain, "\r\n"))
		return error_set(e, ERR_INPUT, "%s: %s.domain: a line break", at->file, here.path);
	if (domain && domain[0]) {
		free(ret->domain);
		ret->domain = xstrdup(domain);
	}
	return 0;
}

/* One line of resolv.conf(5). */
static void take_line(char *line, struct cni_dns *d)
{
	char *rest = NULL, *key = strtok_r(line, " \t\r", &rest);

	if (!key)
		return;
	for (char *word; (word = strtok_r(NULL, " \t\r", &rest));) {
		if (word[0] == '#' || word[0] == ';')
			return;
		if (str_eq(key, "nameserver")) {
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of CNI's tuning as lists write them, and which of them are allowed. */
#include "network/tuning.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/address.h"
#include "network/decode_impl.h"

#define SYSCTLS_MAX   256
#define TEXT_MAX      1024
#define ALLOWLIST_MAX ((size_t)1 << 16)

void tuning_done(struct tuning *t)
{
	for (size_t i = 0; i < t->n_sysctls; i++) {
		free(t->sysctls[i].key);
		free(t->sysctls[i].value);
	}
	free(t->sysctls);
	memset(t, 0, sizeof(*t));
}

bool tuning_is_set(const struct tuning *t)
{
	return t->set || t->n_sysctls;
}

/* ---- JSON ---- */

static const char *dot(const struct decode_at *at)
{
	return at->path[0] ? "." : "";
}

static int set_mac(const struct decode_at *at, const char *key, const char *text, struct tuning *t,
		   struct error *e)
{
	unsigned char mac[6];

	if (!text || !text[0])
		return 0;
	if (mac_parse(text, mac, e) < 0)
		return error_wrap(e, "%s: %s%s%s", at->file, at->path, dot(at), key);
	if (mac[0] & 1)
		return error_set(e, ERR_INPUT,
				 "%s: %s%s%s: \"%s\" is a multicast address, no link can have it",
				 at->file, at->path, dot(at), key, text);
	memcpy(t->mac, mac, sizeof(mac));
	t->set |= TUNING_MAC;
	return 0;
}

/* *ret_found stays unless it is there. */
static int get_number(const struct decode_at *at, const struct json *j, const char *key,
		      uint64_t max, uint32_t *ret, bool *ret_found, struct error *e)
{
	const struct json *m = decode_member(j, key);
	uint64_t v;

	if (!m)
		return 0;
	if (m->type != JSON_NUMBER)
		return decode_wrong(at, key, "an unsigned integer", m, e);
	if (json_to_u64(m, &v) < 0 || v > max)
		return error_set(e, ERR_INPUT, "%s: %s%s%s: %.40s is out of range (0 to %llu)",
				 at->file, at->path, dot(at), key, m->text,
				 (unsigned long long)max);
	*ret = (uint32_t)v;
	*ret_found = true;
	return 0;
}

static void set_sysctl(struct tuning *t, const char *key, const char *value)
{
	for (size_t i = 0; i < t->n_sysctls; i++)
		if (str_eq(t->sysctls[i].key, key)) {
			free(t->sysctls[i].value);
			t->sysctls[i].value = xstrdup(value);
			return;
		}
	t->sysctls = xreallocarray(t->sysctls, t->n_sysctls + 1, sizeof(*t->sysctls));
	t->sysctls[t->n_sysctls++] =
		(struct tuning_sysctl){ .key = xstrdup(key), .value = xstrdup(value) };
}

static int decode_sysctls(const struct decode_at *at, const struct json *j, struct tuning *t,
			  struct error *e)
{
	const struct json *map = decode_member(j, "sysctl");

	if (!map)
		return 0;
	if (map->type != JSON_OBJECT)
		return decode_wrong(at, "sysctl", "an object", map, e);
	for json_each(m, map) {
		cleanup_free char *path = NULL;

		if (m->type != JSON_STRING)
			return error_set(e, ERR_INPUT,
					 "%s: %s%ssysctl[\"%.80s\"]: expected a string, found %s",
					 at->file, at->path, dot(at), m->key,
					 json_type_name(m->type));
		if (strlen(m->key) > TEXT_MAX || strlen(m->text) > TEXT_MAX ||
		    t->n_sysctls == SYSCTLS_MAX)
			return error_set(e, ERR_INPUT,
					 "%s: %s%ssysctl: more than %d, or longer than %d bytes",
					 at->file, at->path, dot(at), SYSCTLS_MAX, TEXT_MAX);
		if (tuning_sysctl_path(m->key, "IFNAME", &path, e) < 0)
			return error_wrap(e, "%s: %s%ssysctl", at->file, at->path, dot(at));
		set_sysctl(t, m->key, m->text);
	}
	return 0;
}

static int decode(const struct decode_at *at, const struct json *j, struct tuning *t,
		  struct error *e)
{
	bool promisc = false, allmulti = false, mtu = false, txqlen = false;
	const char *mac;

	if (decode_string(at, j, "mac", &mac, e) < 0 || set_mac(at, "mac", mac, t, e) < 0 ||
	    get_number(at, j, "mtu", 65535, &t->mtu, &mtu, e) < 0 ||
	    get_number(at, j, "txQLen", INT32_MAX, &t->txqlen, &txqlen, e) < 0 ||
	    decode_bool(at, j, "promisc", &promisc, e) < 0 ||
	    decode_bool(at, j, "allmulti", &allmulti, e) < 0 || decode_sysctls(at, j, t, e) < 0)
		return -1;
	if (mtu)
		t->set = t->mtu ? t->set | TUNING_MTU : t->set & ~(unsigned int)TUNING_MTU;
	if (txqlen)
		t->set |= TUNING_TXQLEN;
	if (promisc)
		t->set |= TUNING_PROMISC;
	if (allmulti)
		t->set |= TUNING_ALLMULTI;
	t->promisc |= promisc;
	t->allmulti |= allmulti;
	return 0;
}

int tuning_decode(const struct json *j, const char *file, const char *path, struct tuning *t,
		  struct error *e)
{
	struct decode_at at = { .file = file };

	snprintf(at.path, sizeof(at.path), "%s", path);
	return decode(&at, j, t, e);
}

int tuning_decode_conf(const struct json *j, const char *file, const char *path, const char *mac,
		       struct tuning *t, struct error *e)
{
	const struct json *args = decode_member(decode_member(j, "args"), "cni");
	struct decode_at at = { .file = file };

	if (tuning_decode(j, file, path, t, e) < 0)
		return -1;
	snprintf(at.path, sizeof(at.path), "%s", path);
	if (set_mac(&at, "mac", mac, t, e) < 0)
		return -1;
	if (!args)
		return 0;
	snprintf(at.path, sizeof(at.path), "%.70s%sargs.cni", path, path[0] ? "." : "");
	if (args->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", args, e);
	return decode(&at, args, t, e);
}

void tuning_put(struct json_writer *w, const struct tuning *t)
{
	char mac[18];

	if (t->set & TUNING_MAC)
		json_put_string(w, "mac", mac_text(t->mac, mac));
	if (t->set & TUNING_MTU)
		json_put_u64(w, "mtu", t->mtu);
	if (t->set & TUNING_PROMISC)
		json_put_bool(w, "promisc", t->promisc);
	if (t->set & TUNING_ALLMULTI)
		json_put_bool(w, "allmulti", t->allmulti);
	if (t->set & TUNING_TXQLEN)
		json_put_u64(w, "txQLen", t->txqlen);
}

/* ---- sysctls ---- */

int tuning_sysctl_path(const char *key, const char *ifname, char **ret, struct error *e)
{
	char between = key[strcspn(key, "./")];
	cleanup_free char *copy = xstrdup(key);
	cleanup_strbuf struct strbuf path = { 0 };
	char *rest = copy, *part;
	size_t n = 0;

	while ((part = strsep(&rest, between == '/' ? "/" : "."))) {
		for (char *s = part; between == '.' && *s; s++)
			if (*s == '/')
				*s = '.';
		if (!part[0] || str_eq(part, ".") || str_eq(part, "..") ||
		    (n == 0 && !str_eq(part, "net")))
			return error_set(e, ERR_INPUT, "\"%.80s\" is no sysctl of net.*", key);
		strbuf_printf(&path, "%s%s", n++ ? "/" : "",
			      str_eq(part, "IFNAME") ? ifname : part);
	}
	if (n < 2)
		return error_set(e, ERR_INPUT, "\"%.80s\" is no sysctl of net.*", key);
	*ret = steal_ptr(&path.s);
	return 0;
}

/* The list is written for Go's regular expressions; POSIX's extended ones read the common ones
 * alike. What would be read otherwise is refused: \d and its kin, (?...). */
static bool is_common(const char *line)
{
	for (const char *s = line; *s; s++) {
		if (s[0] == '\\' && s[1] && !isalnum((unsigned char)s[1]))
			s++;
		else if (s[0] == '\\' || (s[0] == '(' && s[1] == '?'))
			return false;
	}
	return true;
}

/* 1: it matches. */
static int match(const char *list, const char *line, const char *key, struct error *e)
{
	regex_t r;
	int rc;

	if (!is_common(line) || regcomp(&r, line, REG_EXTENDED | REG_NOSUB) != 0)
		return error_set(e, ERR_INPUT,
				 "%s: \"%.80s\" is no regular expression that nsrun knows", list,
				 line);
	rc = regexec(&r, key, 0, NULL, 0) == 0;
	regfree(&r);
	return rc;
}

static int allow(const char *list, const char *text, const char *key, struct error *e)
{
	cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		int rc;

		line[strcspn(line, "\r")] = '\0';
		rc = line[0] ? match(list, line, key, e) : 0;
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return error_set(e, ERR_INPUT, "sysctl %s: not allowed by %s", key, list);
}

int tuning_allowed(const struct tuning *t, const char *list, struct error *e)
{
	cleanup_free char *text = NULL;
	ERROR_INIT(mine);
	size_t n;

	list = list ? list : TUNING_ALLOWLIST;
	if (t->n_sysctls == 0)
		return 0;
	if (file_read(AT_FDCWD, list, true, ALLOWLIST_MAX, &text, &n, &mine) < 0) {
		if (mine.code == ENOENT || mine.code == ENOTDIR)
			return 0;
		if (e)
			*e = mine;
		return -1;
	}
	for (size_t i = 0; i < t->n_sysctls; i++)
		if (allow(list, text, t->sysctls[i].key, e) < 0)
			return -1;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generated resolv.conf, resolv.conf(5). Each of its three parts comes from the first of these
 * that says something of it: the flags (--dns, --dns-search, --dns-option), the networks' lists
 * (CNI's "dns" of a result), the host's own file.
 *
 * Where containers find each other by name, the name server of the network is what they ask, and
 * whom --dns names is asked by that (dns.h); its domain is searched first, or else a host's search
 * list would send each short name out before.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "network/dns.h"
#include "network/names.h"

#define RESOLV_CONF "/etc/resolv.conf"
/* The real servers where resolv.conf names the stub, 127.0.0.53. */
#define RESOLVED_CONF	"/run/systemd/resolve/resolv.conf"
#define RESOLV_CONF_MAX ((size_t)64 << 10)
#define SERVERS_MAX	3 /* MAXNS of resolv.h: more are not asked */

struct resolv_conf {
	struct strbuf servers; /* lines */
	struct strbuf search, options; /* words, a space before each */
};

static void resolv_conf_done(struct resolv_conf *r)
{
	strbuf_done(&r->servers);
	strbuf_done(&r->search);
	strbuf_done(&r->options);
}
#define cleanup_resolv_conf cleanup(resolv_conf_done)

static void add_server(struct resolv_conf *r, const char *address)
{
	strbuf_printf(&r->servers, "nameserver %s\n", address);
}

/* ---- the host's ---- */

static bool is_loopback(const struct ip_addr *a)
{
	static const struct ip_addr one = { .family = AF_INET6, .b = { [15] = 1 } };

	return a->family == AF_INET ? a->b[0] == 127 : ip_addr_cmp(a, &one) == 0;
}

/* But for name servers on loopback, which are not the container's, and scopes ("%eth0"), which
 * only the host has. */
static void take_server(struct resolv_conf *r, const char *text)
{
	size_t n = strcspn(text, " \t\r%");
	char address[IP_TEXT_MAX];
	struct ip_addr a;

	if (n >= sizeof(address) || text[n] == '%')
		return;
	memcpy(address, text, n);
	address[n] = '\0';
	if (ip_addr_parse(address, &a, NULL) == 0 && !is_loopback(&a))
		add_server(r, address);
}

/* The last "search" or "domain" counts; all "options" do. */
static void take_words(struct strbuf *out, bool again, const char *text)
{
	cleanup_free char *copy = xstrdup(text);
	char *rest = copy, *word;

	if (again && out->len) {
		out->len = 0;
		out->s[0] = '\0';
	}
	while ((word = strsep(&rest, " \t\r")))
		if (*word)
			strbuf_printf(out, " %s", word);
}

static void take_line(struct resolv_conf *r, char *line)
{
	size_t n = strcspn(line, " \t");
	const char *value = line + n + strspn(line + n, " \t");

	if (line[n])
		line[n] = '\0';
	if (str_eq(line, "nameserver"))
		take_server(r, value);
	else if (str_eq(line, "search") || str_eq(line, "domain"))
		take_words(&r->search, true, value);
	else if (str_eq(line, "options"))
		take_words(&r->options, false, value);
}

static void take_file(const char *path, struct resolv_conf *r)
{
	cleanup_free char *text = NULL;
	char *rest, *line;

	if (file_read(AT_FDCWD, path, true, RESOLV_CONF_MAX, &text, NULL, NULL) < 0)
		return;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		take_line(r, line);
}

static void take_host(struct resolv_conf *r)
{
	cleanup_resolv_conf struct resolv_conf stub = { 0 };

	take_file(RESOLV_CONF, r);
	if (r->servers.len)
		return;
	take_file(RESOLVED_CONF, &stub);
	if (stub.servers.len) { /* of one file, all of it */
		struct resolv_conf t = *r;

		*r = stub;
		stub = t;
	}
}

/* ---- what is asked for ---- */

/* The networks' own. Returns how many. */
static size_t put_name_servers(const struct names_options *o, struct resolv_conf *r)
{
	char text[IP_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; o->result && i < o->result->n_attachments && n < SERVERS_MAX; i++) {
		const struct attachment *a = &o->result->attachments[i];

		if (!a->name_server.family)
			continue;
		add_server(r, ip_addr_text(&a->name_server, text));
		n++;
	}
	return n;
}

static int put_servers(struct resolv_conf *r, char *const *v, size_t n, struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		struct ip_addr a;

		if (ip_addr_parse(v[i], &a, e) < 0)
			return error_wrap(e, "dns");
		add_server(r, v[i]);
	}
	return 0;
}

/* A word must not begin a line of its own. */
static int put_words(struct strbuf *out, const char *what, char *const *v, size_t n,
		     struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!names_word_valid(v[i]))
			return error_set(e, ERR_INPUT, "%s \"%.80s\": expected one word", what,
					 v[i]);
		strbuf_printf(out, " %s", v[i]);
	}
	return 0;
}

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

/* "." alone: none at all, as docker and podman have it. */
static bool search_declined(const struct names_options *o)
{
	return o->n_dns_search == 1 && str_eq(o->dns_search[0], ".");
}

static int put_search(struct resolv_conf *r, const struct names_options *o,
		      const struct cni_dns *list, struct error *e)
{
	if (o->n_dns_search)
		return put_words(&r->search, "dns-search", o->dns_search, o->n_dns_search, e);
	if (put_words(&r->search, "search", list->search, count(list->search), e) < 0)
		return -1;
	if (r->search.len == 0 && list->domain && list->domain[0])
		return put_words(&r->search, "domain", &list->domain, 1, e);
	return 0;
}

static int put_asked(struct resolv_conf *r, const struct names_options *o,
		     const struct cni_dns *list, struct error *e)
{
	if (put_search(r, o, list, e) < 0)
		return -1;
	if (o->n_dns_options)
		return put_words(&r->options, "dns-option", o->dns_options, o->n_dns_options, e);
	return put_words(&r->options, "options", list->options, count(list->options), e);
}

int names_check(const struct names_options *o, struct error *e)
{
	static const struct cni_dns nothing;
	cleanup_resolv_conf struct resolv_conf r = { 0 };

	return put_servers(&r, o->dns, o->n_dns, e) < 0 ? -1 : put_asked(&r, o, &nothing, e);
}

int resolv_conf_text(const struct names_options *o, struct strbuf *out, struct error *e)
{
	static const struct cni_dns nothing;
	const struct cni_dns *list = o->result ? &o->result->dns : &nothing;
	cleanup_resolv_conf struct resolv_conf r = { 0 }, host = { 0 };
	bool named = put_name_servers(o, &r);

	take_host(&host);
	if (!named && (put_servers(&r, o->dns, o->n_dns, e) < 0 ||
		       (!r.servers.len &&
			put_servers(&r, list->nameservers, count(list->nameservers), e) < 0)))
		return -1;
	if (!r.servers.len && host.servers.len)
		strbuf_puts(&r.servers, host.servers.s);
	if (!r.servers.len && o->dns_else)
		add_server(&r, o->dns_else);
	if (!r.servers.len && o->result && o->result->n_attachments)
		log_debug("no name server in %s but on loopback", RESOLV_CONF);
	if (put_asked(&r, o, list, e) < 0)
		return -1;
	if (!r.search.len && host.search.len)
		strbuf_puts(&r.search, host.search.s);
	if (!r.options.len && host.options.len)
		strbuf_puts(&r.options, host.options.s);
	if (r.servers.len)
		strbuf_puts(out, r.servers.s);
	if (!search_declined(o) && (named || r.search.len))
		strbuf_printf(out, "search%s%s\n", named ? " " DNS_DOMAIN : "",
			      r.search.len ? r.search.s : "");
	if (r.options.len)
		strbuf_printf(out, "options%s\n", r.options.s);
	return 0;
}

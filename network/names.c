/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generated files: resolv.conf, hosts, hostname. They are already bound in the container, so
 * they are written in place: a rename would leave the container with the old, empty inode.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "network/names.h"

#define HOSTS_MAX ((size_t)1 << 20)

static int put_file(int dir_fd, const char *name, const struct strbuf *text, struct error *e)
{
	cleanup_close int fd = openat(dir_fd, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_errno(e, "open the generated \"%s\"", name);
	if (text->len && fd_write_all(fd, text->s, text->len, e) < 0)
		return error_wrap(e, "the generated \"%s\"", name);
	return 0;
}

bool names_word_valid(const char *s)
{
	if (!s[0])
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || *s == '#')
			return false;
	return true;
}

/* ---- hosts ---- */

/* The first network's; IPv4 if it has both. */
static bool gateway(const struct attach_result *r, struct ip_addr *ret)
{
	for (int f = 0; r && r->n_attachments && f < IP_FAMILIES; f++)
		if (r->attachments[0].gateways[f].family) {
			*ret = r->attachments[0].gateways[f];
			return true;
		}
	return false;
}

/* "name:ip"; the address may be "host-gateway", the host as the container sees it. */
static int add_host(struct strbuf *out, const char *text, const struct attach_result *r,
		    struct error *e)
{
	const char *colon = strchr(text, ':');
	cleanup_free char *name = NULL;
	char ip[IP_TEXT_MAX];
	struct ip_addr a;

	if (!colon)
		return error_set(e, ERR_INPUT, "add-host \"%.80s\": expected NAME:IP", text);
	name = xstrndup(text, (size_t)(colon - text));
	if (!names_word_valid(name))
		return error_set(e, ERR_INPUT, "add-host \"%.80s\": no host name", text);
	if (str_eq(colon + 1, "host-gateway")) {
		if (!gateway(r, &a))
			return error_set(e, ERR_INPUT,
					 "add-host \"%.80s\": no network that has a gateway", text);
	} else if (ip_addr_parse(colon + 1, &a, e) < 0) {
		return error_wrap(e, "add-host \"%.80s\"", text);
	}
	strbuf_printf(out, "%s\t%s\n", ip_addr_text(&a, ip), name);
	return 0;
}

static void put_addresses(struct strbuf *out, const struct attachment *a, const char *hostname)
{
	char ip[IP_TEXT_MAX];

	for (int f = 0; f < IP_FAMILIES; f++)
		if (a->addresses[f].addr.family)
			strbuf_printf(out, "%s\t%s\n", ip_addr_text(&a->addresses[f].addr, ip),
				      hostname);
}

static int write_hosts(int dir_fd, const struct names_options *o, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	const struct attach_result *r = o->result;
	bool valid = o->hostname && names_word_valid(o->hostname), named = false;

	strbuf_puts(&out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	for (size_t i = 0; valid && r && i < r->n_attachments; i++) {
		put_addresses(&out, &r->attachments[i], o->hostname);
		named = true;
	}
	if (!named && valid)
		strbuf_printf(&out, "127.0.1.1\t%s\n", o->hostname);
	for (size_t i = 0; i < o->n_add_hosts; i++)
		if (add_host(&out, o->add_hosts[i], r, e) < 0)
			return -1;
	return put_file(dir_fd, "hosts", &out, e);
}

/* Whether the line begins with one of A's addresses. */
static bool is_line_of(const char *line, size_t n, const struct attachment *a)
{
	char word[IP_TEXT_MAX];
	struct ip_addr ip;

	n = strcspn(line, " \t\n") < n ? strcspn(line, " \t\n") : n;
	if (n >= sizeof(word))
		return false;
	memcpy(word, line, n);
	word[n] = '\0';
	if (ip_addr_parse(word, &ip, NULL) < 0)
		return false;
	for (int f = 0; f < IP_FAMILIES; f++)
		if (a->addresses[f].addr.family && ip_addr_cmp(&a->addresses[f].addr, &ip) == 0)
			return true;
	return false;
}

/* The file as it is, but for the lines of A's addresses. */
static int other_lines(int dir_fd, const struct attachment *a, struct strbuf *out, struct error *e)
{
	cleanup_free char *text = NULL;
	char *rest;

	if (file_read(dir_fd, "hosts", false, HOSTS_MAX, &text, NULL, e) < 0)
		return error_wrap(e, "the generated \"hosts\"");
	for (char *line = text; *line; line = rest) {
		size_t n = strcspn(line, "\n");

		rest = line + n + (line[n] == '\n');
		if (!is_line_of(line, n, a))
			strbuf_printf(out, "%.*s\n", (int)n, line);
	}
	return 0;
}

int names_add(int dir_fd, const char *hostname, const struct attachment *a, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };

	if (other_lines(dir_fd, a, &out, e) < 0)
		return -1;
	if (hostname && names_word_valid(hostname))
		put_addresses(&out, a, hostname);
	return put_file(dir_fd, "hosts", &out, e);
}

int names_remove(int dir_fd, const struct attachment *a, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };

	return other_lines(dir_fd, a, &out, e) < 0 ? -1 : put_file(dir_fd, "hosts", &out, e);
}

/* ---- the others ---- */

static int write_resolv_conf(int dir_fd, const struct names_options *o, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };

	if (resolv_conf_text(o, &out, e) < 0)
		return -1;
	return put_file(dir_fd, "resolv.conf", &out, e);
}

static int write_hostname(int dir_fd, const struct names_options *o, struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };

	if (o->hostname)
		strbuf_printf(&out, "%s\n", o->hostname);
	return put_file(dir_fd, "hostname", &out, e);
}

int names_write(int dir_fd, const struct names_options *o, struct error *e)
{
	if (write_hostname(dir_fd, o, e) < 0 || write_hosts(dir_fd, o, e) < 0)
		return -1;
	return write_resolv_conf(dir_fd, o, e);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people (and, through annotations, strangers) ask for in one word: --network
 * NAME[:key=value,...] and -p [[hostIP:][hostPort[-range]]:]containerPort[-range][/protocol]. Pure
 * text; looks at nothing.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/memory.h"
#include "network/attach_record.h"
#include "network/network.h"

#define NAME_MAX_BYTES 128
#define REQUEST_MAX    4096
#define ALIASES_MAX    64

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool network_name_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_BYTES || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
			return false;
	return true;
}

bool network_host_name_valid(const char *name)
{
	size_t label = 0;

	if (!network_name_valid(name))
		return false;
	for (const char *c = name; *c; c++) {
		label = *c == '.' ? 0 : label + 1;
		if (label > 63 || (*c == '.' && (c[1] == '.' || !c[1])))
			return false;
	}
	return true;
}

/* dev_valid_name() of the kernel, and without what iproute2 and sysctl paths trip over. */
bool network_ifname_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n >= IFNAMSIZ || str_eq(s, ".") || str_eq(s, "..") || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] >= 0x7f ||
		    strchr("/:%@", s[i]))
			return false;
	return true;
}

void network_request_done(struct network_request *r)
{
	free(r->name);
	free(r->ip);
	free(r->ip6);
	free(r->mac);
	free(r->ifname);
	strings_free(r->aliases, r->n_aliases);
	memset(r, 0, sizeof(*r));
}
#define cleanup_network_request cleanup(network_request_done)

static int set_address(char **at, const char *value, int family, struct error *e)
{
	struct ip_addr a;

	if (ip_addr_parse(value, &a, e) < 0)
		return -1;
	if (a.family != family)
		return error_set(e, ERR_INPUT, "\"%s\" is no %s address", value,
				 family == AF_INET ? "IPv4" : "IPv6");
	*at = xstrdup(value);
	return 0;
}

static int set_mac(char **at, const char *value, struct error *e)
{
	unsigned char mac[6];

	if (mac_parse(value, mac, e) < 0)
		return -1;
	if (mac[0] & 1)
		return error_set(e, ERR_INPUT, "\"%s\" is a multicast address, no link can have it",
				 value);
	*at = xstrdup(value);
	return 0;
}

static int set_ifname(char **at, const char *value, struct error *e)
{
	if (!network_ifname_valid(value))
		return error_set(e, ERR_INPUT,
				 "\"%s\" is no name for an interface (1 to 15 characters)", value);
	if (str_eq(value, "lo"))
		return error_set(e, ERR_INPUT, "\"lo\" is the loopback interface");
	*at = xstrdup(value);
	return 0;
}

int network_request_alias(struct network_request *r, const char *value, struct error *e)
{
	if (!network_host_name_valid(value))
		return error_set(e, ERR_INPUT, "\"%.200s\" is no host name", value);
	if (r->n_aliases == ALIASES_MAX)
		return error_set(e, ERR_INPUT, "more than %d aliases", ALIASES_MAX);
	r->aliases = xreallocarray(r->aliases, r->n_aliases + 1, sizeof(*r->aliases));
	r->aliases[r->n_aliases++] = xstrdup(value);
	return 0;
}

static int set_option(struct network_request *r, const char *key, const char *value,
		      struct error *e)
{
	char **at;
	int limit;

	if (str_eq(key, "alias"))
		return network_request_alias(r, value, e);
	limit = bandwidth_option(&r->bandwidth, key, value, e);
	if (limit <= 0) {
		r->bandwidth_asked = true;
		return limit;
	}
	if (str_eq(key, "ip"))
		at = &r->ip;
	else if (str_eq(key, "ip6"))
		at = &r->ip6;
	else if (str_eq(key, "mac"))
		at = &r->mac;
	else if (str_eq(key, "ifname"))
		at = &r->ifname;
	else
		return error_set(e, ERR_INPUT,
				 "unknown key \"%s\" (known: ip, ip6, mac, ifname, alias, "
				 "bandwidth, ingress, egress, ingress-burst, egress-burst)",
				 key);
	if (*at)
		return error_set(e, ERR_INPUT, "%s is given twice", key);
	if (at == &r->mac)
		return set_mac(at, value, e);
	if (at == &r->ifname)
		return set_ifname(at, value, e);
	return set_address(at, value, at == &r->ip ? AF_INET : AF_INET6, e);
}

int network_request_parse(const char *text, struct network_request *ret, struct error *e)
{
	cleanup_network_request struct network_request r = { 0 };
	cleanup_free char *copy = NULL;
	char *rest;

	if (strlen(text) > REQUEST_MAX)
		return error_set(e, ERR_INPUT, "network: longer than %d bytes", REQUEST_MAX);
	copy = xstrdup(text);
	rest = strchr(copy, ':');
	if (rest)
		*rest++ = '\0';
	if (!network_name_valid(copy))
		return error_set(e, ERR_INPUT,
				 "network \"%s\": a name is letters, digits, \"_\", \".\", \"-\", "
				 "and begins with "
				 "a letter or digit",
				 copy);
	r.name = xstrdup(copy);
	while (rest) {
		char *pair = rest, *value;

		rest = strchr(pair, ',');
		if (rest)
			*rest++ = '\0';
		value = strchr(pair, '=');
		if (!value)
			return error_set(e, ERR_INPUT,
					 "network \"%s\": expected KEY=VALUE, found \"%s\"", text,
					 pair);
		*value++ = '\0';
		if (set_option(&r, pair, value, e) < 0)
			return error_wrap(e, "network \"%s\"", text);
	}
	if (bandwidth_complete(&r.bandwidth, e) < 0)
		return error_wrap(e, "network \"%s\"", text);
	*ret = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

/* "8080" or "8000-8010", whole. */
static int parse_ports(const char *s, uint16_t *ret_first, unsigned int *ret_count, struct error *e)
{
	cleanup_free char *copy = xstrdup(s);
	char *dash = strchr(copy, '-');
	long long first, last;

	if (dash)
		*dash++ = '\0';
	if (str_to_int64(copy, 1, 65535, &first) < 0 ||
	    (dash && str_to_int64(dash, 1, 65535, &last) < 0))
		return error_set(e, ERR_INPUT,
				 "\"%s\" is no port (1 to 65535) and no range of ports", s);
	if (!dash)
		last = first;
	if (last < first)
		return error_set(e, ERR_INPUT, "the range %s ends before it begins", s);
	*ret_first = (uint16_t)first;
	*ret_count = (unsigned int)(last - first + 1);
	return 0;
}

static int parse_protocol(const char *s, uint8_t *ret, struct error *e)
{
	if (!s || str_eq(s, "tcp"))
		*ret = IPPROTO_TCP;
	else if (str_eq(s, "udp"))
		*ret = IPPROTO_UDP;
	else if (str_eq(s, "sctp"))
		*ret = IPPROTO_SCTP;
	else
		return error_set(e, ERR_INPUT, "unknown protocol \"%s\" (known: tcp, udp, sctp)",
				 s);
	return 0;
}

static int parse_host_ip(char *s, struct ip_addr *ret, struct error *e)
{
	size_t n = strlen(s);

	if (s[0] == '[' && s[n - 1] == ']') {
		s[n - 1] = '\0';
		s++;
	} else if (strchr(s, ':')) {
		return error_set(e, ERR_INPUT, "an IPv6 address stands in brackets: [::1]:8080:80");
	}
	return ip_addr_parse(s, ret, e);
}

/* Nothing or 0: any free port, as docker and podman have it. */
static int parse_host_ports(const char *s, unsigned int container_count, struct publish *p,
			    struct error *e)
{
	unsigned int count;

	if (str_eq(s, "") || str_eq(s, "0")) {
		p->host_port = 0;
		return 0;
	}
	if (parse_ports(s, &p->host_port, &count, e) < 0)
		return -1;
	if (count != container_count)
		return error_set(e, ERR_INPUT, "%u host ports for %u container ports", count,
				 container_count);
	return 0;
}

/* Cuts COPY apart from its end: protocol, container port, host port, host address. */
static int parse_publish(char *copy, struct publish *p, struct error *e)
{
	char *container, *host = NULL, *slash;
	unsigned int count;

	slash = strrchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	if (parse_protocol(slash, &p->protocol, e) < 0)
		return -1;
	container = strrchr(copy, ':');
	if (container) {
		*container++ = '\0';
		host = strrchr(copy, ':');
	}
	if (host) {
		*host++ = '\0';
		if (parse_host_ip(copy, &p->host_ip, e) < 0)
			return -1;
	}
	if (parse_ports(container ? container : copy, &p->container_port, &count, e) < 0)
		return -1;
	p->count = (uint16_t)count; /* 65535 at most: there is no port 0 */
	return parse_host_ports(host	    ? host
				: container ? copy
					    : "",
				count, p, e);
}

int publish_parse(const char *text, struct publish *ret, struct error *e)
{
	cleanup_free char *copy = NULL;
	struct publish p = { 0 };

	if (strlen(text) > 128)
		return error_set(e, ERR_INPUT, "publish: longer than 128 bytes");
	copy = xstrdup(text);
	if (parse_publish(copy, &p, e) < 0)
		return error_wrap(e, "publish \"%s\"", text);
	*ret = p;
	return 0;
}

static void put_range(struct strbuf *out, unsigned int first, unsigned int count)
{
	strbuf_printf(out, "%u", first);
	if (count > 1)
		strbuf_printf(out, "-%u", first + count - 1);
}

char *publish_text(const struct publish *p)
{
	cleanup_strbuf struct strbuf out = { 0 };
	char ip[IP_TEXT_MAX];

	if (p->host_ip.family)
		strbuf_printf(&out, p->host_ip.family == AF_INET6 ? "[%s]:" : "%s:",
			      ip_addr_text(&p->host_ip, ip));
	if (p->host_port)
		put_range(&out, p->host_port, p->count);
	strbuf_puts(&out, ":");
	put_range(&out, p->container_port, p->count);
	if (p->protocol != IPPROTO_TCP)
		strbuf_printf(&out, "/%s", publish_protocol(p->protocol));
	return steal_ptr(&out.s);
}

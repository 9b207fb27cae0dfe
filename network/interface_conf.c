/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configurations of the plugins that make an interface have in common. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/interface.h"

struct decode_at interface_at(const struct cni_call *c)
{
	struct decode_at at = { .file = c->file };

	snprintf(at.path, sizeof(at.path), "%s", c->at ? c->at : "");
	return at;
}

int interface_wrong(const struct cni_call *c, const char *key, struct error *e, const char *fmt,
		    ...)
{
	struct decode_at at = interface_at(c);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(e, ERR_INPUT, "%s: %s%s%s: %s", at.file, at.path, at.path[0] ? "." : "",
			 key, text);
}

int interface_choice(const struct cni_call *c, const char *key, const char *const *words,
		     size_t n, uint32_t *ret, struct error *e)
{
	cleanup_strbuf struct strbuf all = { 0 };
	struct decode_at at = interface_at(c);
	const char *word;

	if (decode_string(&at, c->conf, key, &word, e) < 0)
		return -1;
	*ret = 0;
	if (!word || !word[0])
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(word, words[i])) {
			*ret = (uint32_t)i;
			return 0;
		}
		strbuf_printf(&all, "%s%s", i ? ", " : "", words[i]);
	}
	return interface_wrong(c, key, e, "\"%.40s\" is none of %s", word, all.s);
}

int interface_number(const struct cni_call *c, const struct json *j, const char *key,
		     uint32_t max, uint32_t *ret, struct error *e)
{
	const struct json *m = decode_member(j, key);
	struct decode_at at = interface_at(c);
	uint64_t v;

	if (!m)
		return 0;
	if (m->type != JSON_NUMBER)
		return decode_wrong(&at, key, "an unsigned integer", m, e);
	if (json_to_u64(m, &v) < 0 || v > max)
		return interface_wrong(c, key, e, "%.40s is out of range (0 to %u)", m->text, max);
	*ret = (uint32_t)v;
	return 0;
}

int interface_mac(const struct cni_call *c, unsigned char ret[6], struct error *e)
{
	const struct json *asked[] = { cni_call_runtime(c, "mac"),
				       json_get(json_get(json_get(c->conf, "args"), "cni"),
						"mac") };
	cleanup_free char *arg = cni_call_arg(c, "MAC");
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(asked) && !text; i++)
		if (asked[i] && asked[i]->type == JSON_STRING && asked[i]->text[0])
			text = asked[i]->text;
	text = text ? text : arg;
	if (!text || !text[0])
		return 0;
	return mac_parse(text, ret, e) < 0 ? -1 : 1;
}

bool interface_has_ipam(const struct cni_call *c)
{
	const char *type = json_get_string(json_get(c->conf, "ipam"), "type");

	return type && type[0];
}

int interface_dns(const struct cni_call *c, struct cni_result *r, struct error *e)
{
	cleanup_cni_result struct cni_result own = { 0 };
	const struct json *dns = json_get(c->conf, "dns");
	struct cni_dns theirs;

	if (!dns || dns->type != JSON_OBJECT || dns->n == 0)
		return 0;
	if (cni_result_decode(c->conf, c->cni_version, c->file, &own, e) < 0)
		return -1;
	theirs = r->dns;
	r->dns = own.dns;
	own.dns = theirs;
	return 0;
}

/* ---- master ---- */

int interface_master_decode(const struct cni_call *c, struct interface_master *ret,
			    struct error *e)
{
	struct decode_at at = interface_at(c);
	struct interface_master m = { 0 };

	if (decode_string(&at, c->conf, "master", &m.name, e) < 0 ||
	    decode_bool(&at, c->conf, "linkInContainer", &m.in_container, e) < 0 ||
	    interface_number(c, c->conf, "mtu", UINT16_MAX, &m.mtu, e) < 0)
		return -1;
	if (m.name && !m.name[0])
		m.name = NULL;
	if (m.name && !network_ifname_valid(m.name))
		return interface_wrong(c, "master", e, "\"%.40s\" is no name for a link", m.name);
	*ret = m;
	return 0;
}

int interface_master_find(struct interface *f, const struct interface_master *m,
			  struct link_info *ret, struct error *e)
{
	const struct cni_call *c = f->call;
	const char *where = m->in_container ? "in the container's network namespace"
					    : "in the runtime's network namespace";
	struct rtnl *r = m->in_container ? &f->inside : &f->host;
	int found = m->name ? rtnl_link_get(r, 0, m->name, ret, e)
			    : rtnl_default_link(r, ret, e);

	if (found < 0)
		return -1;
	if (!found && m->name)
		return interface_wrong(c, "master", e, "no link called \"%s\" %s", m->name, where);
	if (!found)
		return interface_wrong(c, "master", e,
				       "missing, and no default route %s tells one", where);
	if (m->mtu > ret->mtu)
		return interface_wrong(c, "mtu", e, "%u is more than %s has (%u)", m->mtu,
				       ret->name, ret->mtu);
	return 0;
}

static int master_status(const struct cni_call *c, const struct interface_master *m,
			 struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct link_info link;

	f.call = c;
	if (m->in_container)
		return 0;
	if (rtnl_open(&f.host, e) < 0)
		return -1;
	if (interface_master_find(&f, m, &link, e) == 0)
		return 0;
	if (e && e->code == ERR_INPUT)
		e->code = ERR_BUSY;
	return -1;
}

int interface_master_status(const struct cni_call *c, struct error *e)
{
	struct interface_master m = { 0 };

	if (interface_master_decode(c, &m, e) < 0 || master_status(c, &m, e) < 0)
		return -1;
	return interface_has_ipam(c) ? cni_delegate_status(c, e) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CNI's "dns" object, of results and of plugins' configurations: what is to be in resolv.conf. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "network/cni_result.h"
#include "network/decode_impl.h"

static size_t list_length(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void list_add(char ***v, char *const *add)
{
	size_t n = list_length(*v), more = list_length(add);

	if (more == 0)
		return;
	*v = xreallocarray(*v, n + more + 1, sizeof(**v));
	for (size_t i = 0; i < more; i++)
		(*v)[n + i] = xstrdup(add[i]);
	(*v)[n + more] = NULL;
}

void cni_dns_done(struct cni_dns *d)
{
	strings_free(d->nameservers, list_length(d->nameservers));
	strings_free(d->search, list_length(d->search));
	strings_free(d->options, list_length(d->options));
	free(d->domain);
	memset(d, 0, sizeof(*d));
}

void cni_dns_add(struct cni_dns *d, const struct cni_dns *add)
{
	list_add(&d->nameservers, add->nameservers);
	list_add(&d->search, add->search);
	list_add(&d->options, add->options);
	if (!d->domain)
		d->domain = xstrdup(add->domain);
}

bool cni_dns_is_set(const struct cni_dns *d)
{
	return list_length(d->nameservers) || list_length(d->search) ||
	       list_length(d->options) || d->domain;
}

static int decode_list(const struct decode_at *at, const struct json *j, const char *key,
		       char ***ret, struct error *e)
{
	const struct json *list;
	size_t i = 0;

	if (decode_array(at, j, key, &list, e) < 0)
		return -1;
	if (!list || list->n == 0)
		return 0;
	*ret = xcalloc(list->n + 1, sizeof(**ret));
	for json_each(one, list) {
		if (decode_text(at, key, one, &(*ret)[i], e) < 0)
			return -1;
		i += (*ret)[i] != NULL;
	}
	return 0;
}

/* Spec, section 5: "each entry ... an IPv4 or an IPv6 address". Who reads resolv.conf, or serves
 * names, counts on that. */
static int check_servers(const struct decode_at *at, const struct cni_dns *d, struct error *e)
{
	for (char *const *s = d->nameservers; s && *s; s++) {
		struct ip_addr a;

		if (ip_addr_parse(*s, &a, e) < 0)
			return error_wrap(e, "%s: %s.nameservers", at->file, at->path);
	}
	return 0;
}

int cni_dns_decode(const struct decode_at *parent, const struct json *j, struct cni_dns *ret,
		   struct error *e)
{
	cleanup_cni_dns struct cni_dns d = { 0 };
	struct decode_at at = { .file = parent->file };
	const struct json *dns = decode_member(j, "dns");

	snprintf(at.path, sizeof(at.path), "%.80s%sdns", parent->path,
		 parent->path[0] ? "." : "");
	if (!dns)
		return 0;
	if (dns->type != JSON_OBJECT)
		return decode_wrong(&at, "", "an object", dns, e);
	if (decode_list(&at, dns, "nameservers", &d.nameservers, e) < 0 ||
	    decode_list(&at, dns, "search", &d.search, e) < 0 ||
	    decode_list(&at, dns, "options", &d.options, e) < 0 ||
	    decode_text(&at, "domain", decode_member(dns, "domain"), &d.domain, e) < 0)
		return -1;
	if (check_servers(&at, &d, e) < 0)
		return -1;
	*ret = d;
	memset(&d, 0, sizeof(d));
	return 0;
}

static void put_list(struct json_writer *w, const char *key, char *const *v)
{
	if (!v || !v[0])
		return;
	json_array_begin(w, key);
	for (; *v; v++)
		json_put_string(w, NULL, *v);
	json_array_end(w);
}

void cni_dns_put(struct json_writer *w, const char *key, const struct cni_dns *d)
{
	json_object_begin(w, key);
	put_list(w, "nameservers", d->nameservers);
	if (d->domain)
		json_put_string(w, "domain", d->domain);
	put_list(w, "search", d->search);
	put_list(w, "options", d->options);
	json_object_end(w);
}

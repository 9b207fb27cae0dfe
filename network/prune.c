/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `network prune`: `network rm` of each network of ours that nobody is on, and then GC. Lists of
 * other tools are theirs, and the built-in network has no list to remove: both stay.
 */
#include "network/prune.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "network/check.h"
#include "network/lists.h"

/* FILTER: "label=KEY", "label=KEY=VALUE", or with "label!=" for those that have it not. Both
 * members point into it. */
struct label_filter {
	const char *key, *value; /* value NULL: any */
	size_t key_len;
	bool without;
};

static int parse_filter(const char *text, struct label_filter *ret, struct error *e)
{
	size_t skip = 0;

	if (str_has_prefix(text, "label="))
		skip = strlen("label=");
	else if (str_has_prefix(text, "label!="))
		skip = strlen("label!=");
	*ret = (struct label_filter){ .key = text + skip, .without = skip == strlen("label!=") };
	ret->key_len = strcspn(ret->key, "=");
	if (ret->key[ret->key_len])
		ret->value = ret->key + ret->key_len + 1;
	if (skip && ret->key_len)
		return 0;
	error_set(e, ERR_USAGE, "--filter %.80s: not supported", text);
	return error_hint(e, "label=KEY, label=KEY=VALUE, label!=KEY, label!=KEY=VALUE");
}

static bool matches(const struct network *n, const struct label_filter *f)
{
	bool has = false;

	for json_each(j, json_get(json_get(n->list.root, "nsrun"), "labels"))
		if (strlen(j->key) == f->key_len && strncmp(j->key, f->key, f->key_len) == 0 &&
		    (!f->value || (j->type == JSON_STRING && str_eq(j->text, f->value))))
			has = true;
	return has != f->without;
}

static bool is_meant(const struct network_dirs *d, const struct network *n,
		     const struct label_filter *v, size_t n_filters)
{
	if (!n->file || !lists_owns(d, n->file))
		return false;
	for (size_t i = 0; i < n_filters; i++)
		if (!matches(n, &v[i]))
			return false;
	return true;
}

int network_prune(const struct network_dirs *d, const char *const *filters, size_t n_filters,
		  network_prune_fn *fn, void *arg, struct error *e)
{
	cleanup_free struct label_filter *v = xcalloc(n_filters, sizeof(*v));
	struct network *networks = NULL;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < n_filters; i++)
		if (parse_filter(filters[i], &v[i], e) < 0)
			return -1;
	if (lists_privilege("network prune", e) < 0 || network_list(d, &networks, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		ERROR_INIT(one);

		if (!is_meant(d, &networks[i], v, n_filters))
			continue;
		if (network_remove(d, networks[i].name, &one) == 0) {
			fn(networks[i].name, arg);
			continue;
		}
		if (one.code == ERR_BUSY) /* somebody is on it */
			continue;
		if (rc == 0)
			*e = one;
		else
			log_warning("%s", one.msg);
		rc = -1;
	}
	networks_free(networks, n);
	return network_gc(d, NULL, rc == 0 ? e : NULL) < 0 ? -1 : rc;
}

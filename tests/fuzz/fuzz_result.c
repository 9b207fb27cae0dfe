/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of a CNI plugin, from bytes. What is accepted is in its bounds; written in any
 * version, it reads again, and written again it is the same. What is refused is ERR_INPUT, with
 * words.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "network/cni_result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct cni_result *r)
{
	for (size_t i = 0; i < r->n_interfaces; i++)
		must(r->interfaces[i].name && r->interfaces[i].name[0]);
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ip *ip = &r->ips[i];

		must(ip->address.addr.family);
		must(ip->interface >= -1 && ip->interface < (int)r->n_interfaces);
	}
	for (size_t i = 0; i < r->n_routes; i++)
		must(r->routes[i].dst.addr.family && r->routes[i].scope >= -1 &&
		     r->routes[i].scope < 256);
	for (char **v = r->dns.nameservers; v && *v; v++)
		must(!strpbrk(*v, "\r\n"));
}

static char *write_it(const struct cni_result *r, const char *version)
{
	struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };

	cni_result_put(&w, NULL, r, version);
	return out.s;
}

static void round_trip(const struct cni_result *r, const char *version)
{
	cleanup_free char *first = write_it(r, version), *second = NULL;
	cleanup_cni_result struct cni_result again = { 0 };
	cleanup_json struct json_doc d = { 0 };

	must(json_parse(first, strlen(first), "r", &d, NULL) == 0);
	must(cni_result_decode(d.root, NULL, "r", &again, NULL) == 0);
	check(&again);
	second = write_it(&again, version);
	must(str_eq(first, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const versions[] = { "0.1.0", "0.2.0", "0.3.1", "0.4.0", "1.0.0",
						"1.1.0" };
	cleanup_cni_result struct cni_result r = { 0 };
	cleanup_json struct json_doc d = { 0 };
	ERROR_INIT(e);

	if (json_parse((const char *)data, size, "r", &d, &e) < 0)
		return 0;
	if (cni_result_decode(d.root, "1.1.0", "r", &r, &e) < 0) {
		must(e.code == ERR_INPUT && e.msg[0] && r.n_ips == 0);
		return 0;
	}
	check(&r);
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		round_trip(&r, versions[i]);
	return 0;
}

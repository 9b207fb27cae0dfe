/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of config-linux.md's resources, for a container's config and for update's alike. Values
 * that the kernel judges by itself (a quota against its period) are left to it; checked is what a
 * cgroup file would misread (names with spaces, numbers that wrap) and what the spec calls an
 * error. Engines send a weight of 0 and empty objects for "not set".
 */
#include "oci/validate.h"

#include <ctype.h>
#include <string.h>

static const char *const rule_types[] = { "a", "b", "c" };

static int check_at_least(struct opt_i64 v, const char *key, const struct field_path *at,
			  struct error *e)
{
	if (v.set && v.v < -1)
		return field_error(FIELD_AT(at, key), e, "%lld is below -1 (no limit)",
				   (long long)v.v);
	return 0;
}

/* A device's number in a rule: -1 is any. */
static int check_number(int64_t v, int64_t min, const char *key, const struct field_path *at,
			struct error *e)
{
	if (v < min || v > UINT32_MAX)
		return field_error(FIELD_AT(at, key), e, "%lld is not a device's number",
				   (long long)v);
	return 0;
}

static int check_rule(const struct oci_device_rule *r, const struct field_path *at, struct error *e)
{
	if (r->type && OCI_CHECK_WORD(rule_types, r->type, FIELD_AT(at, "type"), e) < 0)
		return -1;
	if (r->access && r->access[strspn(r->access, "rwm")])
		return field_error(FIELD_AT(at, "access"), e,
				   "\"%.64s\" has other letters than r, w and m", r->access);
	if ((r->major.set && check_number(r->major.v, -1, "major", at, e) < 0) ||
	    (r->minor.set && check_number(r->minor.v, -1, "minor", at, e) < 0))
		return -1;
	return 0;
}

static int check_memory(const struct oci_memory *m, const struct field_path *at, struct error *e)
{
	if (check_at_least(m->limit, "limit", at, e) < 0 ||
	    check_at_least(m->reservation, "reservation", at, e) < 0 ||
	    check_at_least(m->swap, "swap", at, e) < 0 ||
	    check_at_least(m->kernel, "kernel", at, e) < 0 ||
	    check_at_least(m->kernelTCP, "kernelTCP", at, e) < 0)
		return -1;
	if (m->swappiness.set && m->swappiness.v > 100)
		return field_error(FIELD_AT(at, "swappiness"), e, "%llu is above 100",
				   (unsigned long long)m->swappiness.v);
	return 0;
}

static int check_weight(struct opt_u16 w, const char *key, const struct field_path *at,
			struct error *e)
{
	if (w.set && w.v != 0 && (w.v < 10 || w.v > 1000))
		return field_error(FIELD_AT(at, key), e, "%u is not in 10 to 1000", w.v);
	return 0;
}

static int check_throttles(const struct oci_throttle_device *d, size_t n,
			   const struct field_path *at, struct error *e)
{
	for (size_t i = 0; i < n; i++)
		if (check_number(d[i].major, 0, "major", FIELD_ELEMENT(at, i), e) < 0 ||
		    check_number(d[i].minor, 0, "minor", FIELD_ELEMENT(at, i), e) < 0)
			return -1;
	return 0;
}

static int check_block_io(const struct oci_block_io *b, const struct field_path *at,
			  struct error *e)
{
	if (check_weight(b->weight, "weight", at, e) < 0 ||
	    check_weight(b->leafWeight, "leafWeight", at, e) < 0)
		return -1;
	for (size_t i = 0; i < b->n_weightDevice; i++) {
		const struct field_path *entry = FIELD_ELEMENT(FIELD_AT(at, "weightDevice"), i);
		const struct oci_weight_device *d = &b->weightDevice[i];

		if (check_number(d->major, 0, "major", entry, e) < 0 ||
		    check_number(d->minor, 0, "minor", entry, e) < 0 ||
		    check_weight(d->weight, "weight", entry, e) < 0 ||
		    check_weight(d->leafWeight, "leafWeight", entry, e) < 0)
			return -1;
		if (!d->weight.set && !d->leafWeight.set)
			return field_error(entry, e, "neither weight nor leafWeight");
	}
	if (check_throttles(b->throttleReadBpsDevice, b->n_throttleReadBpsDevice,
			    FIELD_AT(at, "throttleReadBpsDevice"), e) < 0 ||
	    check_throttles(b->throttleWriteBpsDevice, b->n_throttleWriteBpsDevice,
			    FIELD_AT(at, "throttleWriteBpsDevice"), e) < 0 ||
	    check_throttles(b->throttleReadIOPSDevice, b->n_throttleReadIOPSDevice,
			    FIELD_AT(at, "throttleReadIOPSDevice"), e) < 0)
		return -1;
	return check_throttles(b->throttleWriteIOPSDevice, b->n_throttleWriteIOPSDevice,
			       FIELD_AT(at, "throttleWriteIOPSDevice"), e);
}

/* The schema's ^[1-9][0-9]*[KMG]B$: the name becomes a part of a file's name. */
static int check_page_size(const char *s, const struct field_path *at, struct error *e)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 18 || s[0] == '0' || !s[n] || !strchr("KMG", s[n]) ||
	    strcmp(s + n + 1, "B") != 0)
		return field_error(at, e, "\"%.64s\" is not a size like \"64KB\", \"2MB\", \"1GB\"",
				   s);
	return 0;
}

/* "DEVICE hca_handle=N" is one line of rdma.max. */
static int check_rdma(const struct oci_rdma *r, const struct field_path *at, struct error *e)
{
	if (!r->key[0])
		return field_error(at, e, "a device's name is empty");
	for (const char *c = r->key; *c; c++)
		if (isspace((unsigned char)*c))
			return field_error(at, e, "a device's name has no spaces");
	if (!r->hcaHandles.set && !r->hcaObjects.set)
		return field_error(at, e, "neither hcaHandles nor hcaObjects");
	return 0;
}

static int check_unified(const char *key, const struct field_path *at, struct error *e)
{
	if (!key[0] || strchr(key, '/') || str_eq(key, ".") || str_eq(key, ".."))
		return field_error(at, e, "not the name of a file in a cgroup");
	return 0;
}

int oci_resources_validate(const struct oci_resources *r, const struct field_path *at,
			   struct error *e)
{
	const struct field_path *priorities = FIELD_AT(FIELD_AT(at, "network"), "priorities");

	for (size_t i = 0; i < r->n_devices; i++)
		if (check_rule(&r->devices[i], FIELD_ELEMENT(FIELD_AT(at, "devices"), i), e) < 0)
			return -1;
	if (r->memory && check_memory(r->memory, FIELD_AT(at, "memory"), e) < 0)
		return -1;
	if (r->cpu && r->cpu->idle.set && r->cpu->idle.v != 0 && r->cpu->idle.v != 1)
		return field_error(FIELD_AT(FIELD_AT(at, "cpu"), "idle"), e,
				   "%lld is neither 0 nor 1", (long long)r->cpu->idle.v);
	if (r->blockIO && check_block_io(r->blockIO, FIELD_AT(at, "blockIO"), e) < 0)
		return -1;
	for (size_t i = 0; i < r->n_hugepageLimits; i++)
		if (check_page_size(
			    r->hugepageLimits[i].pageSize,
			    FIELD_AT(FIELD_ELEMENT(FIELD_AT(at, "hugepageLimits"), i), "pageSize"),
			    e) < 0)
			return -1;
	for (size_t i = 0; r->network && i < r->network->n_priorities; i++)
		if (oci_check_ifname(r->network->priorities[i].name,
				     FIELD_AT(FIELD_ELEMENT(priorities, i), "name"), e) < 0)
			return -1;
	for (size_t i = 0; i < r->n_rdma; i++)
		if (check_rdma(&r->rdma[i], FIELD_ENTRY(FIELD_AT(at, "rdma"), r->rdma[i].key), e) <
		    0)
			return -1;
	for (size_t i = 0; i < r->n_unified; i++)
		if (check_unified(r->unified[i].key,
				  FIELD_ENTRY(FIELD_AT(at, "unified"), r->unified[i].key), e) < 0)
			return -1;
	return 0;
}

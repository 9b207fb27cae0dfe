/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities (capabilities(7)). The only file that knows libcap, and from it only the table of
 * names: setting is done by the raw calls, for libcap's cap_t would ask the kernel once more for
 * each set.
 *
 * What the spec says shapes it: a capability that cannot be granted is a warning, not an error. So
 * the sets are cut down to what the kernel will take before it is asked: permitted and effective to
 * what we have, inheritable to what we have and the bounding set, effective to permitted. A set
 * that is asked for whole is either set whole or refused whole, as capset(2) does.
 */
#include "runtime/credentials.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#define CAPS_MAX 64 /* the kernel's sets are two 32-bit words */
#define CAPS_NAME_MAX 32

static uint64_t bit(int cap)
{
	return UINT64_C(1) << cap;
}

/* libcap wants "cap_kill", and takes numbers and "cap_kill=ep" too; the config's are names only. */
int caps_from_name(const char *name)
{
	char text[CAPS_NAME_MAX + 8];
	cap_value_t cap;
	size_t n;

	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	n = strlen(name);
	if (n == 0 || n > CAPS_NAME_MAX)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!isalpha((unsigned char)name[i]) && name[i] != '_')
			return -1;
	snprintf(text, sizeof(text), "cap_%s", name);
	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (cap_from_name(text, &cap) < 0 || cap < 0 || cap >= CAPS_MAX)
		return -1;
	return cap;
}

/* libcap writes the number of one that it has no name for. */
bool caps_name(int cap, char ret_name[static 32])
{
	char *name = cap >= 0 && cap < CAPS_MAX ? cap_to_name(cap) : NULL;
	bool known = name && strncmp(name, "cap_", 4) == 0 && strlen(name) < CAPS_NAME_MAX;

	for (size_t i = 0; known && i <= strlen(name); i++)
		ret_name[i] = (char)toupper((unsigned char)name[i]);
	cap_free(name);
	return known;
}

/* "CAP_CHOWN, CAP_KILL" for a warning. */
static void names_of(uint64_t set, struct strbuf *out)
{
	for (int cap = 0; cap < CAPS_MAX; cap++) {
		const char *sep = out->len ? ", " : "";
		char name[CAPS_NAME_MAX];

		if (!(set & bit(cap)))
			continue;
		if (caps_name(cap, name))
			strbuf_printf(out, "%s%s", sep, name);
		else
			strbuf_printf(out, "%scapability %d", sep, cap);
	}
}

/* The kernel says EINVAL to a capability it does not have. */
static bool kernel_has(int cap)
{
	return prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0) >= 0;
}

/* KNOWN: those that the kernel was found to have, from one list to the next. */
static uint64_t resolve_list(char *const *names, size_t n, uint64_t *known, struct strbuf *unknown)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++) {
		int cap = caps_from_name(names[i]);

		if (cap >= 0 && ((*known & bit(cap)) || kernel_has(cap))) {
			*known |= bit(cap);
			set |= bit(cap);
			continue;
		}
		if (unknown->s && strstr(unknown->s, names[i]))
			continue; /* one warning, though it is in five lists */
		strbuf_printf(unknown, "%s%.64s", unknown->len ? ", " : "", names[i]);
	}
	return set;
}

int caps_resolve(const struct oci_capabilities *c, struct caps *ret_caps, struct error *e)
{
	cleanup_strbuf struct strbuf unknown = { 0 };
	struct caps v = { 0 };
	uint64_t known = 0;

	(void)e;
	if (c) {
		v.bounding = resolve_list(c->bounding, c->n_bounding, &known, &unknown);
		v.effective = resolve_list(c->effective, c->n_effective, &known, &unknown);
		v.inheritable = resolve_list(c->inheritable, c->n_inheritable, &known, &unknown);
		v.permitted = resolve_list(c->permitted, c->n_permitted, &known, &unknown);
		v.ambient = resolve_list(c->ambient, c->n_ambient, &known, &unknown);
	}
	if (unknown.len)
		log_warning("process.capabilities: unknown to this kernel, left out: %s",
			    unknown.s);
	*ret_caps = v;
	return 0;
}

int caps_drop_bounding(const struct caps *c, struct error *e)
{
	for (int cap = 0; cap < CAPS_MAX; cap++) {
		int have;

		if (c->bounding & bit(cap))
			continue;
		/* Reading costs a tenth of dropping, which copies the credentials even if nothing
		 * changes. */
		have = prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0);
		if (have < 0)
			break; /* beyond the kernel's last */
		if (have == 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0) < 0)
			return error_errno(e, "drop capability %d from the bounding set", cap);
	}
	return 0;
}

struct kernel_sets {
	uint64_t effective, permitted, inheritable;
};

static int sets_get(struct kernel_sets *ret)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return -1;
	ret->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

static int sets_put(const struct kernel_sets *s)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)s->effective,
		  .permitted = (uint32_t)s->permitted,
		  .inheritable = (uint32_t)s->inheritable },
		{ .effective = (uint32_t)(s->effective >> 32),
		  .permitted = (uint32_t)(s->permitted >> 32),
		  .inheritable = (uint32_t)(s->inheritable >> 32) },
	};

	return (int)syscall(SYS_capset, &h, d);
}

bool caps_have(int cap)
{
	struct kernel_sets s;

	return cap >= 0 && cap < CAPS_MAX && sets_get(&s) == 0 && (s.effective & bit(cap));
}

/* Those of SET that are in our bounding set. */
static uint64_t in_bounding(uint64_t set)
{
	for (int cap = 0; cap < CAPS_MAX; cap++)
		if ((set & bit(cap)) && prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0) != 1)
			set &= ~bit(cap);
	return set;
}

static uint64_t raise_ambient(uint64_t set)
{
	uint64_t refused = 0;

	for (int cap = 0; cap < CAPS_MAX; cap++)
		if ((set & bit(cap)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)cap, 0, 0) < 0)
			refused |= bit(cap);
	return refused;
}

int caps_apply(const struct caps *c, struct error *e)
{
	cleanup_strbuf struct strbuf names = { 0 };
	struct kernel_sets now, want;
	uint64_t refused;

	if (sets_get(&now) < 0)
		return error_errno(e, "read the capabilities");
	want.permitted = c->permitted & now.permitted;
	want.effective = c->effective & want.permitted;
	/* capset(2): within the old inheritable or (old) permitted set, and within the bounding set
	 * unless it was there. */
	want.inheritable =
		c->inheritable & (now.inheritable | (now.permitted & in_bounding(c->inheritable)));
	if (sets_put(&want) < 0)
		return error_errno(e, "set the capabilities");
	/* EINVAL: before Linux 4.3 */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_errno(e, "clear the ambient capabilities");
	refused = (c->permitted & ~want.permitted) | (c->effective & ~want.effective) |
		  (c->inheritable & ~want.inheritable) | raise_ambient(c->ambient);
	if (refused) {
		names_of(refused, &names);
		log_warning("process.capabilities: cannot be granted, left out: %s", names.s);
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The environment for execve. A name's last value wins and stands where its first did; one pass
 * with a hash table, since an engine may hand over 100,000 variables. The table is seeded by the
 * kernel's random bytes (AT_RANDOM): names come from images, and must not be able to choose their
 * slots.
 */
#include "runtime/credentials.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

/* Open addressing; a slot holds index + 1 into the output, 0 is free. At least half of the slots
 * are free. */
struct table {
	uint32_t *slots;
	size_t mask;
	uint64_t seed;
};

static void table_init(struct table *t, size_t n)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	size_t size = 64;

	while (size < 2 * (n + 1))
		size *= 2;
	t->slots = xcalloc(size, sizeof(*t->slots));
	t->mask = size - 1;
	t->seed = 0;
	if (random)
		memcpy(&t->seed, random, sizeof(t->seed));
}

static void table_done(struct table *t)
{
	free(t->slots);
}

/* FNV-1a over the name, then a finaliser, so that the low bits depend on all. */
static size_t hash(const struct table *t, const char *name, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ t->seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h ^ (h >> 29)) & t->mask;
}

/* The slot that holds the name, or the free one where it belongs. */
static uint32_t *table_find(const struct table *t, char *const *out, const char *name, size_t len)
{
	size_t i = hash(t, name, len);

	while (t->slots[i]) {
		const char *other = out[t->slots[i] - 1];

		if (strncmp(other, name, len) == 0 && other[len] == '=')
			break;
		i = (i + 1) & t->mask;
	}
	return &t->slots[i];
}

static char *home_entry(int rootfd, uid_t uid, struct error *e)
{
	cleanup_free char *home = NULL;

	if (passwd_home(rootfd, uid, &home, e) < 0)
		return NULL;
	return xasprintf("HOME=%s", home ? home : "/");
}

/* Adds HOME unless it is there with a value; without an entry it is "/", as runc has it. */
static int add_home(const struct table *t, char **out, size_t *n, int rootfd, uid_t uid,
		    struct error *e)
{
	uint32_t *slot = table_find(t, out, "HOME", 4);
	char *entry;

	if (*slot && out[*slot - 1][5] != '\0')
		return 0;
	entry = home_entry(rootfd, uid, e);
	if (!entry)
		return -1;
	if (*slot) {
		free(out[*slot - 1]);
		out[*slot - 1] = entry;
	} else {
		out[(*n)++] = entry;
	}
	return 0;
}

int environment_make(char *const *env, size_t n_env, int rootfd, uid_t uid, char ***ret_envp,
		     size_t *ret_n, struct error *e)
{
	cleanup(table_done) struct table t = { 0 };
	char **out;
	size_t n = 0;

	if (n_env >= UINT32_MAX / 4)
		return error_set(e, ERR_INPUT, "process.env: %zu variables are too many", n_env);
	table_init(&t, n_env);
	out = xcalloc(n_env + 2, sizeof(*out)); /* HOME, NULL */
	for (size_t i = 0; i < n_env; i++) {
		const char *eq = strchr(env[i], '=');
		uint32_t *slot;

		if (!eq || eq == env[i]) {
			error_set(e, ERR_INPUT,
				  "process.env[%zu]: expected NAME=VALUE, found \"%.100s\"", i,
				  env[i]);
			goto fail;
		}
		slot = table_find(&t, out, env[i], (size_t)(eq - env[i]));
		if (*slot) {
			free(out[*slot - 1]);
			out[*slot - 1] = xstrdup(env[i]);
		} else {
			out[n++] = xstrdup(env[i]);
			*slot = (uint32_t)n;
		}
	}
	if (add_home(&t, out, &n, rootfd, uid, e) < 0)
		goto fail;
	*ret_envp = out;
	*ret_n = n;
	return 0;
fail:
	strings_free(out, n);
	return -1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/exec_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "oci/support.h"
#include "runtime/credentials.h"

/* A pipe too (/dev/stdin, "<(jq ...)"): the caller named it, and no lock is held meanwhile. */
static int from_file(const char *file, struct oci_process *ret, struct error *e)
{
	cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	cleanup_free char *text = NULL;
	size_t len;

	if (fd < 0)
		return error_errno(e, "--process: open \"%s\"", file);
	if (fd_read_all(fd, JSON_INPUT_MAX, &text, &len, e) < 0)
		return error_wrap(e, "--process: \"%s\"", file);
	return oci_process_parse(text, len, file, ret, e);
}

static void replace_args(struct oci_process *p, char *const *args, size_t n)
{
	strings_free(p->args, p->n_args);
	p->args = xcalloc(n, sizeof(*p->args));
	p->n_args = n;
	for (size_t i = 0; i < n; i++)
		p->args[i] = xstrdup(args[i]);
}

static void append(char ***v, size_t *n, const char *s)
{
	*v = xreallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = xstrdup(s);
}

/* UID[:GID]; without GID the config's stays. */
static int set_user(struct oci_user *u, const char *text, struct error *e)
{
	const char *colon = strchr(text, ':');
	cleanup_free char *uid = xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));
	long long v, g = u->gid;

	if (str_to_int64(uid, 0, UINT32_MAX - 1LL, &v) < 0 ||
	    (colon && str_to_int64(colon + 1, 0, UINT32_MAX - 1LL, &g) < 0))
		return error_set(e, ERR_USAGE, "--user: \"%s\" is not UID[:GID] in numbers", text);
	u->uid = (uint32_t)v;
	u->gid = (uint32_t)g;
	return 0;
}

static void add_caps(struct oci_process *p, char *const *caps, size_t n)
{
	if (n && !p->capabilities)
		p->capabilities = xcalloc(1, sizeof(*p->capabilities));
	for (size_t i = 0; i < n; i++) {
		struct oci_capabilities *c = p->capabilities;

		append(&c->bounding, &c->n_bounding, caps[i]);
		append(&c->effective, &c->n_effective, caps[i]);
		append(&c->permitted, &c->n_permitted, caps[i]);
	}
}

/* CVE-2022-29162: an exec's inheritable set is empty unless asked for; ambient ones would need
 * it. */
static void clear_inheritable(struct oci_capabilities *c)
{
	if (!c)
		return;
	strings_free(c->inheritable, c->n_inheritable);
	strings_free(c->ambient, c->n_ambient);
	c->inheritable = c->ambient = NULL;
	c->n_inheritable = c->n_ambient = 0;
}

static int from_flags(const struct exec_options *o, struct oci_process *p, struct error *e)
{
	if (o->n_args == 0)
		return error_set(e, ERR_USAGE, "exec needs a command or --process FILE");
	replace_args(p, o->args, o->n_args);
	for (size_t i = 0; i < o->n_env; i++)
		append(&p->env, &p->n_env, o->env[i]);
	if (o->cwd) {
		free(p->cwd);
		p->cwd = xstrdup(o->cwd);
	}
	if (o->user && set_user(&p->user, o->user, e) < 0)
		return -1;
	for (size_t i = 0; i < o->n_additional_gids; i++) {
		struct oci_user *u = &p->user;

		u->additionalGids = xreallocarray(u->additionalGids, u->n_additionalGids + 1,
						  sizeof(*u->additionalGids));
		u->additionalGids[u->n_additionalGids++] = o->additional_gids[i];
	}
	clear_inheritable(p->capabilities);
	add_caps(p, o->caps, o->n_caps);
	p->noNewPrivileges = p->noNewPrivileges || o->no_new_privs;
	p->terminal = o->tty;
	return 0;
}

static void replace(char **field, const char *value)
{
	if (!value)
		return;
	free(*field);
	*field = xstrdup(value);
}

/* What may stand beside --process FILE as well. */
static int from_flags_over_any(const struct exec_options *o, struct oci_process *p,
			       const char *what, struct error *e)
{
	replace(&p->selinuxLabel, o->process_label);
	replace(&p->apparmorProfile, o->apparmor);
	return oci_unsupported_check_process(p, what, e);
}

int exec_process_make(const struct exec_options *o, struct oci_config *config,
		      struct oci_process *ret, struct error *e)
{
	cleanup(oci_process_done) struct oci_process p = { 0 };
	const char *what = o->process_file ? o->process_file : "exec";

	if (o->process_file) {
		if (o->n_args)
			return error_set(e, ERR_USAGE,
					 "exec takes a command or --process FILE, not both");
		if (from_file(o->process_file, &p, e) < 0)
			return -1;
		p.terminal = p.terminal || o->tty;
	} else {
		if (!config->process)
			return error_set(e, ERR_INPUT,
					 "the container's config has no process to start from: use "
					 "--process FILE");
		p = *config->process;
		free(config->process);
		config->process = NULL;
		if (from_flags(o, &p, e) < 0)
			return -1;
	}
	if (from_flags_over_any(o, &p, what, e) < 0 ||
	    oci_user_check_mapped(config, &p.user, FIELD_AT(FIELD_ROOT(what), "user"), e) < 0)
		return -1;
	*ret = p;
	p = (struct oci_process){ 0 };
	return 0;
}

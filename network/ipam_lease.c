/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files below a lease folder: leases, and owners/ (ipam.h tells the layout).
 *
 * A plugin's ADD writes owners/ID@IFNAME first without addresses, then the leases, then the file
 * again with them; DEL goes the other way round. So whatever dies when, there is no lease of ours
 * without its owner's file, by which a later boot knows that it is dead.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "network/attach_record.h"
#include "network/ipam_impl.h"
#include "network/state.h"

#define OWN_MARK       "nsrun"
#define OWNER_FILE_MAX (NETWORK_ADDRESSES_MAX * IP_TEXT_MAX + 64)

char *lease_path(const char *data_dir, const char *file)
{
	return xasprintf("%s/%s", data_dir, file);
}

char *lease_address_path(const char *data_dir, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	return lease_path(data_dir, ip_addr_text(a, text));
}

int lease_lock(const char *data_dir, int *ret_fd, struct error *e)
{
	cleanup_free char *path = lease_path(data_dir, "lock");

	return state_lock(path, 0640, ret_fd, e);
}

/* Cuts the next line off. */
static char *next_line(char **at)
{
	char *line = *at;
	size_t n = strcspn(line, "\r\n");

	*at = line + n;
	while (**at == '\r' || **at == '\n')
		*(*at)++ = '\0';
	return line;
}

/* For an error's text. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}

int lease_read(const char *path, struct lease *ret, struct error *e)
{
	char *at = ret->text, *owner;
	ssize_t n = state_read(path, ret->text, sizeof(ret->text));

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0 && errno != EISDIR && errno != ELOOP)
		return error_errno(e, "read the lease \"%s\"", path);
	if (n < 0 || (n > 0 && !ret->text[0]))
		snprintf(ret->text, sizeof(ret->text), "?");
	owner = next_line(&at);
	make_printable(owner);
	ret->owner = owner;
	ret->ifname = next_line(&at);
	ret->ours = str_eq(next_line(&at), OWN_MARK);
	return 1;
}

bool lease_is_nobodys(const struct lease *l)
{
	return !l->owner[0];
}

bool lease_is_of(const struct lease *l, const struct ipam_owner *o)
{
	return l->ours != o->plugin && str_eq(l->owner, o->id) && str_eq(l->ifname, o->ifname);
}

/* A plugin's lease dies with its boot; all of its owner's go at once. */
static bool died_with_its_boot(const char *data_dir, const struct lease *l)
{
	const struct ipam_owner o = { .id = l->owner, .ifname = l->ifname, .plugin = true };
	struct owner_file f;

	if (owner_read(data_dir, &o, &f) != 1 || owner_is_of_this_boot(&f))
		return false;
	for (size_t i = 0; i < f.n; i++)
		lease_drop(data_dir, &f.v[i], &o, NULL);
	/* Of an ADD that was cut short there may be more: they are found one by one. */
	if (f.n)
		owner_remove(data_dir, &o);
	return true;
}

bool lease_is_dead(const char *data_dir, const struct lease *l)
{
	if (lease_is_nobodys(l))
		return true;
	return l->ours ? !attach_record_exists(l->owner) : died_with_its_boot(data_dir, l);
}

/* 0, or -1 with errno EEXIST and *e unset if it is taken; other failures set *e. */
static int lease_create(const char *path, const struct ipam_owner *o, struct error *e)
{
	cleanup_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	char text[LEASE_MAX];
	int n;

	if (fd < 0 && errno == EEXIST)
		return -1;
	if (fd < 0)
		return error_errno(e, "create the lease \"%s\"", path);
	n = snprintf(text, sizeof(text), "%s\r\n%s%s", o->id, o->ifname,
		     o->plugin ? "" : "\r\n" OWN_MARK);
	if (n >= (int)sizeof(text)) {
		error_set(e, ERR_INPUT, "the id \"%.40s...\" is too long for a lease", o->id);
	} else if (fd_write_all(fd, text, (size_t)n, e) == 0) {
		return 0;
	}
	unlink(path);
	errno = EIO;
	return error_wrap(e, "lease \"%s\"", path);
}

int lease_take(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
	       struct error *e)
{
	cleanup_free char *path = lease_address_path(data_dir, a);
	struct lease l;

	if (lease_create(path, o, e) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (lease_read(path, &l, NULL) != 1 || !lease_is_dead(data_dir, &l)) {
		errno = EEXIST;
		return -1;
	}
	log_debug("lease %s of the vanished %s is taken over", path, l.owner);
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove the lease \"%s\"", path);
	return lease_create(path, o, e);
}

int lease_drop(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
	       struct error *e)
{
	cleanup_free char *path = lease_address_path(data_dir, a);
	struct lease l;
	int rc = lease_read(path, &l, e);

	if (rc <= 0 || !lease_is_of(&l, o))
		return rc < 0 ? -1 : 0;
	if (unlink(path) < 0 && errno != ENOENT)
		return error_errno(e, "remove the lease \"%s\"", path);
	return 0;
}

/* ---- owners ---- */

/* NULL: an id too long for a file's name has none, and its leases are looked for. */
static char *owner_path(const char *data_dir, const struct ipam_owner *o)
{
	if (strlen(o->id) + 1 + strlen(o->ifname) > NAME_MAX - 4 || strchr(o->id, '/') ||
	    strchr(o->ifname, '/'))
		return NULL;
	return xasprintf("%s/" IPAM_OWNERS_DIR "/%s@%s", data_dir, o->id, o->ifname);
}

int owner_read(const char *data_dir, const struct ipam_owner *o, struct owner_file *ret)
{
	cleanup_free char *path = owner_path(data_dir, o);
	char text[OWNER_FILE_MAX], *at = text;
	struct owner_file f = { .n = 0 };

	if (!path || state_read(path, text, sizeof(text)) < 0)
		return 0;
	snprintf(f.boot, sizeof(f.boot), "%.39s", next_line(&at));
	while (*at && f.n < NETWORK_ADDRESSES_MAX)
		if (ip_addr_parse(next_line(&at), &f.v[f.n], NULL) == 0)
			f.n++;
	*ret = f;
	return 1;
}

int owner_write(const char *data_dir, const struct ipam_owner *o,
		const struct network_addresses *a, struct error *e)
{
	cleanup_free char *path = owner_path(data_dir, o);
	cleanup_strbuf struct strbuf out = { 0 };
	char text[IP_TEXT_MAX], boot[37];

	if (!path)
		return 0;
	if (process_boot_id(boot, e) < 0)
		return -1;
	strbuf_printf(&out, "%s\n", boot);
	for (size_t i = 0; i < a->n; i++)
		strbuf_printf(&out, "%s\n", ip_addr_text(&a->v[i].address.addr, text));
	return state_write(path, out.s, 0644, e);
}

void owner_remove(const char *data_dir, const struct ipam_owner *o)
{
	cleanup_free char *path = owner_path(data_dir, o), *tmp = NULL;

	if (!path)
		return;
	tmp = xasprintf("%s.tmp", path); /* of a writer that was SIGKILLed (state_write) */
	unlink(tmp);
	unlink(path);
}

bool owner_is_of_this_boot(const struct owner_file *f)
{
	char boot[37];

	return process_boot_id(boot, NULL) < 0 || str_eq(boot, f->boot);
}

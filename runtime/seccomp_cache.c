/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiled seccomp programs, kept from one invocation to the next: a file each, named by a hash of
 * what it was made from.
 *
 * Whoever could put a program of his own here would choose the filter of every container. So an
 * entry
 * - holds the whole input (profile, flags, architectures, libseccomp's version, the kernel's
 *   actions), and is used only if that is equal byte for byte to the input at hand: the hash merely
 *   finds it;
 * - is opened O_NOFOLLOW, is a regular file of our own euid, 0600, with one name, in a directory of
 *   our own, 0700;
 * - comes into being by rename, has exactly the size that its input leaves for whole instructions,
 *   and a checksum that holds.
 *
 * Anything else is not an error: the program is compiled anew and the entry replaced. At most 64
 * entries, the oldest goes.
 */
#include "runtime/seccomp_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"

#define ENTRIES_MAX 64
#define INPUT_MAX ((size_t)256 << 10)
#define MAGIC UINT64_C(0x316263636573726e) /* another layout takes another number */

struct header {
	uint64_t magic, input_len, checksum;
};

static uint64_t fnv1a(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

struct entry_name {
	char s[24];
};

static struct entry_name name_of(const struct strbuf *input)
{
	struct entry_name n;

	snprintf(n.s, sizeof(n.s), "%016" PRIx64 ".bpf", fnv1a(input->s, input->len));
	return n;
}

static void put_u64(struct strbuf *b, uint64_t v)
{
	strbuf_add(b, &v, sizeof(v));
}

/* NULL is not the empty string. */
static void put_string(struct strbuf *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	put_u64(b, s ? n : UINT64_MAX);
	strbuf_add(b, s ? s : "", n);
}

static void put_strings(struct strbuf *b, char *const *v, size_t n)
{
	put_u64(b, n);
	for (size_t i = 0; i < n; i++)
		put_string(b, v[i]);
}

void seccomp_cache_describe(const struct oci_seccomp *s, struct strbuf *input)
{
	put_string(input, s->defaultAction);
	put_u64(input, s->defaultErrnoRet.set ? s->defaultErrnoRet.v : UINT64_MAX);
	put_strings(input, s->architectures, s->n_architectures);
	put_strings(input, s->flags, s->n_flags);
	put_u64(input, s->n_syscalls);
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct oci_seccomp_rule *r = &s->syscalls[i];

		put_strings(input, r->names, r->n_names);
		put_string(input, r->action);
		put_u64(input, r->errnoRet.set ? r->errnoRet.v : UINT64_MAX);
		put_u64(input, r->n_args);
		for (size_t k = 0; k < r->n_args; k++) {
			put_u64(input, r->args[k].index);
			put_u64(input, r->args[k].value);
			put_u64(input, r->args[k].valueTwo);
			put_string(input, r->args[k].op);
		}
	}
}

static int open_dir(const char *dir)
{
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 07777) != 0700) {
		log_debug("seccomp cache not used: \"%s\" is not a directory of ours, 0700", dir);
		errno = EACCES;
		return -1;
	}
	return steal_fd(&fd);
}

static bool is_our_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 07777) == 0600 &&
	       st->st_nlink == 1;
}

/* The number of instructions that SIZE leaves after the header and the input; 0 if it is not a
 * possible one. */
static size_t instructions(off_t size, size_t input_len)
{
	size_t before = sizeof(struct header) + input_len, n;

	if (size < (off_t)before ||
	    size > (off_t)(before + BPF_MAXINSNS * sizeof(struct sock_filter)))
		return 0;
	n = ((size_t)size - before) / sizeof(struct sock_filter);
	return before + n * sizeof(struct sock_filter) == (size_t)size ? n : 0;
}

int seccomp_cache_get(const char *dir, const struct strbuf *input, struct seccomp_program *p)
{
	cleanup_free char *found = NULL;
	cleanup_free void *filter = NULL;
	cleanup_close int at = -1, fd = -1;
	struct header h = { 0 };
	struct stat st;
	size_t n;

	at = open_dir(dir);
	if (at < 0)
		return 0;
	fd = openat(at, name_of(input).s,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !is_our_file(&st) ||
	    !(n = instructions(st.st_size, input->len)))
		return 0;
	found = xcalloc(input->len, 1);
	filter = xcalloc(n, sizeof(struct sock_filter));
	struct iovec iov[] = {
		{ &h, sizeof(h) },
		{ found, input->len },
		{ filter, n * sizeof(struct sock_filter) },
	};
	if (readv(fd, iov, ARRAY_SIZE(iov)) != st.st_size)
		return 0;
	if (h.magic != MAGIC || h.input_len != input->len ||
	    memcmp(found, input->s, input->len) != 0 ||
	    h.checksum != fnv1a(filter, n * sizeof(struct sock_filter)))
		return 0;
	p->filter = steal_ptr(&filter);
	p->n = n;
	return 1;
}

/* Makes room for one more. Names that are not ours are left alone, temporaries of dead writers
 * count as entries. */
static void prune(int dirfd)
{
	for (;;) {
		char oldest[NAME_MAX + 1] = "";
		struct timespec when = { 0 };
		struct dirent *entry;
		size_t n = 0;
		DIR *d;
		int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return;
		d = fdopendir(fd);
		if (!d) {
			close(fd);
			return;
		}
		while ((entry = readdir(d))) {
			struct stat st;

			if (strspn(entry->d_name, "0123456789abcdef") != 16 ||
			    !str_has_prefix(entry->d_name + 16, ".bpf") ||
			    fstatat(dirfd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			if (n++ && (st.st_mtim.tv_sec > when.tv_sec ||
				    (st.st_mtim.tv_sec == when.tv_sec &&
				     st.st_mtim.tv_nsec >= when.tv_nsec)))
				continue;
			when = st.st_mtim;
			snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
		closedir(d);
		if (n < ENTRIES_MAX || unlinkat(dirfd, oldest, 0) < 0)
			return;
	}
}

void seccomp_cache_put(const char *dir, const struct strbuf *input, const struct seccomp_program *p)
{
	size_t filter_len = p->n * sizeof(struct sock_filter);
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_close int at = -1;
	struct header h = { .magic = MAGIC,
			    .input_len = input->len,
			    .checksum = fnv1a(p->filter, filter_len) };
	ERROR_INIT(e);

	if (input->len > INPUT_MAX || p->n == 0)
		return;
	if (mkdir(dir, 0700) < 0 && errno == ENOENT && path_mkdir(dir, 0700, &e) < 0) {
		log_debug("seccomp cache: %s", e.msg);
		return;
	}
	at = open_dir(dir);
	if (at < 0)
		return;
	prune(at);
	strbuf_add(&b, &h, sizeof(h));
	strbuf_add(&b, input->s, input->len);
	strbuf_add(&b, p->filter, filter_len);
	if (file_replace(at, name_of(input).s, b.s, b.len, 0600, &e) < 0)
		log_debug("seccomp cache: %s", e.msg);
}

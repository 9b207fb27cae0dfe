/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules on cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program, which the kernel (4.15) runs at
 * each mknod and open of a device, with struct bpf_cgroup_dev_ctx; it returns 1 to allow.
 *
 * The program has no jumps: the verifier takes 5 us for a branch and less than 1 for anything else
 * (measured on 6.18: the default rules load in half the time of their branching form). It goes
 * through the list from the first rule to the last and keeps what is granted so far as the bits of
 * "rwm":
 *
 *	t = (key ^ CHAR:1) | (minor ^ 3)	0 if the rule speaks of this device
 *	t = (t - 1) >> 63			then 1, else 0
 *	granted |= t * access			or, of a denying rule: granted &= ~(t * access)
 *
 * Rules that follow each other and differ in the minor alone (null, zero, full, ...) are one, with
 * a set of 64 minors.
 *
 * The program is attached with BPF_F_ALLOW_MULTI (an engine's or the container's own programs may
 * stand beside it; all must say yes). It has a name, by which an update finds its own forerunner
 * and takes its place (BPF_F_REPLACE, 5.6) without a moment in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/cgroup_impl.h"

#define PROGRAM_NAME "nsrun_devices" /* BPF_OBJ_NAME_LEN is 16 */
#define ATTACHED_MAX 64		     /* the kernel's own bound of programs at one cgroup */

#define MAJOR_MAX    (INT32_MAX >> 2) /* the kernel's have 12 bits */

/* r1 is the context. R_KEY is major << 2 | type. */
enum {
	R_RESULT = 0,
	R_CTX = 1,
	R_TYPE = 2,
	R_ACCESS = 3,
	R_MAJOR = 4,
	R_MINOR = 5,
	R_GRANTED = 6,
	R_T = 7,
	R_U = 8,
	R_KEY = 9,
};

struct program {
	struct bpf_insn *v;
	size_t n, size;
};

static void program_done(struct program *p)
{
	free(p->v);
}

static void emit(struct program *p, unsigned int code, unsigned int dst, unsigned int src, int off,
		 int32_t imm)
{
	if (p->n == p->size) {
		p->size += 64;
		p->v = xreallocarray(p->v, p->size, sizeof(*p->v));
	}
	p->v[p->n++] = (struct bpf_insn){ .code = (uint8_t)code,
					  .dst_reg = dst & 15,
					  .src_reg = src & 15,
					  .off = (int16_t)off,
					  .imm = imm };
}

/* DST = DST op SRC */
static void emit_reg(struct program *p, unsigned int op, unsigned int dst, unsigned int src)
{
	emit(p, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

/* DST = DST op IMM, which the kernel extends to 64 bits with its sign. */
static void emit_imm(struct program *p, unsigned int op, unsigned int dst, int32_t imm)
{
	emit(p, BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

static void emit_load(struct program *p, unsigned int reg, size_t member)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, reg, R_CTX, (int)member, 0);
}

static void emit_u64(struct program *p, unsigned int reg, uint64_t v)
{
	if (v <= INT32_MAX) {
		emit_imm(p, BPF_MOV, reg, (int32_t)v);
		return;
	}
	emit(p, BPF_LD | BPF_IMM | BPF_DW, reg, 0, 0, (int32_t)(uint32_t)v);
	emit(p, 0, 0, 0, 0, (int32_t)(uint32_t)(v >> 32));
}

static int32_t type_number(char type)
{
	return type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK;
}

/* t = 0 if the device's type and major are R's. Returns false, t not set, if R speaks of all. */
static bool emit_key(struct program *p, const struct device_rule *r)
{
	if (r->type == 'a' && r->major == -1)
		return false;
	if (r->type == 'a') {
		emit_reg(p, BPF_MOV, R_T, R_MAJOR);
		emit_imm(p, BPF_XOR, R_T, r->major);
	} else if (r->major == -1) {
		emit_reg(p, BPF_MOV, R_T, R_TYPE);
		emit_imm(p, BPF_XOR, R_T, type_number(r->type));
	} else {
		emit_reg(p, BPF_MOV, R_T, R_KEY);
		emit_imm(p, BPF_XOR, R_T, r->major << 2 | type_number(r->type));
	}
	return true;
}

/* How many rules from R on, N at most, differ in the minor alone; the set of their minors. */
static size_t minors_of(const struct device_rule *r, size_t n, uint64_t *ret_set)
{
	size_t k = 0;

	*ret_set = 0;
	while (k < n && r[k].minor >= 0 && r[k].minor < 64 && r[k].type == r->type &&
	       r[k].major == r->major && r[k].access == r->access && r[k].allow == r->allow)
		*ret_set |= 1ULL << r[k++].minor;
	return k;
}

/* The rule at R, or the group that it begins. Returns how many of the N it were. */
static size_t emit_rules(struct program *p, const struct device_rule *r, size_t n)
{
	bool some = emit_key(p, r);
	uint64_t set;
	size_t k = minors_of(r, n, &set);

	if (k > 1 || r->minor != -1) {
		emit_reg(p, BPF_MOV, some ? R_U : R_T, R_MINOR);
		emit_imm(p, k > 1 ? BPF_RSH : BPF_XOR, some ? R_U : R_T, k > 1 ? 6 : r->minor);
		if (some)
			emit_reg(p, BPF_OR, R_T, R_U);
		some = true;
	}
	if (some) {
		emit_imm(p, BPF_ADD, R_T, -1);
		emit_imm(p, BPF_RSH, R_T, 63);
	} else {
		emit_imm(p, BPF_MOV, R_T, 1);
	}
	if (k > 1) {
		/* Above 63, where the shift means nothing, t is 0 already. */
		emit_u64(p, R_U, set);
		emit_reg(p, BPF_RSH, R_U, R_MINOR);
		emit_reg(p, BPF_AND, R_T, R_U);
	}
	if (r->access != 1)
		emit_imm(p, BPF_MUL, R_T, (int32_t)r->access);
	if (!r->allow)
		emit_imm(p, BPF_XOR, R_T, -1);
	emit_reg(p, r->allow ? BPF_OR : BPF_AND, R_GRANTED, R_T);
	return k > 1 ? k : 1;
}

int device_program_make(const struct device_list *l, struct bpf_insn **ret_insns, size_t *ret_n,
			struct error *e)
{
	cleanup(program_done) struct program p = { 0 };

	for (size_t i = 0; i < l->n; i++)
		if (l->rules[i].major > MAJOR_MAX)
			return error_set(e, ERR_INPUT,
					 "linux.resources.devices: there is no device major %d",
					 l->rules[i].major);
	if (l->allow && l->n == 0) {
		*ret_insns = NULL;
		*ret_n = 0;
		return 0;
	}
	emit_load(&p, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_load(&p, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&p, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	emit_reg(&p, BPF_MOV, R_ACCESS, R_TYPE);
	emit_imm(&p, BPF_RSH, R_ACCESS, 16);
	emit_imm(&p, BPF_AND, R_TYPE, 0xffff);
	emit_reg(&p, BPF_MOV, R_KEY, R_MAJOR);
	emit_imm(&p, BPF_LSH, R_KEY, 2);
	emit_reg(&p, BPF_OR, R_KEY, R_TYPE);
	emit_imm(&p, BPF_MOV, R_GRANTED, l->allow ? DEVICE_ALL : 0);
	for (size_t i = 0; i < l->n;)
		i += emit_rules(&p, &l->rules[i], l->n - i);
	/* return (access & ~granted) == 0 */
	emit_imm(&p, BPF_XOR, R_GRANTED, -1);
	emit_reg(&p, BPF_AND, R_ACCESS, R_GRANTED);
	emit_imm(&p, BPF_ADD, R_ACCESS, -1);
	emit_imm(&p, BPF_RSH, R_ACCESS, 63);
	emit_reg(&p, BPF_MOV, R_RESULT, R_ACCESS);
	emit(&p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	*ret_insns = steal_ptr(&p.v);
	*ret_n = p.n;
	return 0;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Before Linux 5.11 programs count as locked memory, of which 64 KiB are allowed by default. */
static int bpf_with_memlock(int cmd, union bpf_attr *attr)
{
	struct rlimit saved, more = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = bpf(cmd, attr), err = errno;

	if (fd >= 0 || err != EPERM || getrlimit(RLIMIT_MEMLOCK, &saved) < 0)
		return fd;
	if (setrlimit(RLIMIT_MEMLOCK, &more) < 0) {
		more.rlim_cur = more.rlim_max = saved.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &more);
	}
	fd = bpf(cmd, attr);
	err = errno;
	(void)setrlimit(RLIMIT_MEMLOCK, &saved);
	errno = err;
	return fd;
}

static int program_load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "GPL";
	memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
	return bpf_with_memlock(BPF_PROG_LOAD, &attr);
}

/* The program of ours that is attached to the directory, or -1: none. */
static int attached_find(int dirfd)
{
	uint32_t ids[ATTACHED_MAX];
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dirfd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = ATTACHED_MAX;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return -1;
	for (uint32_t i = 0, n = attr.query.prog_cnt; i < n && i < ATTACHED_MAX; i++) {
		cleanup_close int fd = -1;
		struct bpf_prog_info info;

		memset(&attr, 0, sizeof(attr));
		attr.prog_id = ids[i];
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		memset(&attr, 0, sizeof(attr));
		attr.info.bpf_fd = (uint32_t)fd;
		attr.info.info_len = sizeof(info);
		attr.info.info = (uintptr_t)&info;
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && str_eq(info.name, PROGRAM_NAME))
			return steal_fd(&fd);
	}
	return -1;
}

static int program_attach(int dirfd, int fd, int replaced)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dirfd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

static int program_detach(int dirfd, int fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)dirfd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr);
}

/* In a user namespace nobody can make device nodes, so device rules protect nothing there, and BPF
 * is not to be had. */
bool cgroup_in_user_namespace(void)
{
	cleanup_free char *map = NULL;
	unsigned long inside, outside, size;

	if (geteuid() != 0)
		return true;
	if (file_read(AT_FDCWD, "/proc/self/uid_map", false, 65536, &map, NULL, NULL) < 0)
		return false;
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &size) != 3 || inside != 0 ||
	       outside != 0 || size != 4294967295UL;
}

static int program_error(const struct cgroup_limits *where, const char *verb, struct error *e)
{
	if ((errno == EPERM || errno == EACCES) && cgroup_in_user_namespace()) {
		log_debug("cgroup \"%s\": no device program without privilege", where->path);
		return 0;
	}
	if (errno == ENOSYS || (errno == EINVAL && str_eq(verb, "attach")))
		return error_set(e, ERR_UNSUPPORTED,
				 "linux.resources.devices: cgroup \"%s\": this kernel has no BPF "
				 "programs for devices (CONFIG_CGROUP_BPF)",
				 where->path);
	return error_errno(e, "linux.resources.devices: cgroup \"%s\": %s the BPF program",
			   where->path, verb);
}

/* NOW takes the place of BEFORE (-1: there is none of it). Where the kernel has no BPF_F_REPLACE,
 * both hold for a moment. On failure errno is of *ret_verb. */
static int program_change(int dirfd, int before, int now, const char **ret_verb)
{
	*ret_verb = "attach";
	if (now >= 0 && before >= 0 && program_attach(dirfd, now, before) == 0)
		return 0;
	if (now >= 0 && program_attach(dirfd, now, -1) < 0)
		return -1;
	*ret_verb = "detach";
	return before >= 0 ? program_detach(dirfd, before) : 0;
}

int device_program_restore(const struct device_undo *u)
{
	const char *verb;

	return program_change(u->dir, u->now, u->before, &verb);
}

int device_program_apply(const struct device_list *l, const struct cgroup_limits *where,
			 struct error *e)
{
	const char *verb;
	cleanup_free struct bpf_insn *insns = NULL;
	cleanup_close int fd = -1, before = -1;
	size_t n = 0;

	if (device_program_make(l, &insns, &n, e) < 0)
		return -1;
	if (where->update)
		before = attached_find(where->fd);
	if (n && (fd = program_load(insns, n)) < 0)
		return program_error(where, "load", e);
	if (program_change(where->fd, before, fd, &verb) < 0)
		return program_error(where, verb, e);
	if (where->undo)
		where->undo->devices = (struct device_undo){ true, where->fd, steal_fd(&before),
							     steal_fd(&fd) };
	return 0;
}

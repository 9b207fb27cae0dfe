/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux.seccomp to BPF by libseccomp, and BPF to the kernel by seccomp(2). What the spec leaves
 * open goes as in runc, for engines write their profiles against it:
 * - names of system calls that libseccomp does not know are left out, as are rules whose action is
 *   the default one;
 * - the native architecture is always in;
 * - several conditions on one argument are alternatives, each a rule of its own (libseccomp refuses
 *   them in one);
 * - calls that are newer than the profile are ENOSYS (seccomp_newer.c).
 */
#include "runtime/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "runtime/seccomp_cache.h"
#include "runtime/seccomp_newer.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#define ARGS_MAX 6

void seccomp_program_done(struct seccomp_program *p)
{
	free(p->filter);
	*p = (struct seccomp_program){ 0 };
}

static void filter_release_at(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}
#define cleanup_filter cleanup(filter_release_at)

struct action {
	const char *name;
	uint32_t value;
	uint32_t kernel; /* SECCOMP_RET_*: what SECCOMP_GET_ACTION_AVAIL is asked */
	uint32_t data_max; /* of errnoRet; 0: takes none */
};

#define ERRNO_MAX 4095	 /* MAX_ERRNO: the kernel would clamp */
#define TRACE_MAX 0xffff /* SECCOMP_RET_DATA */

static const struct action actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL, SECCOMP_RET_KILL_THREAD, 0 },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, SECCOMP_RET_KILL_PROCESS, 0 },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, SECCOMP_RET_KILL_THREAD, 0 },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, SECCOMP_RET_TRAP, 0 },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), SECCOMP_RET_ERRNO, ERRNO_MAX },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), SECCOMP_RET_TRACE, TRACE_MAX },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, SECCOMP_RET_ALLOW, 0 },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, SECCOMP_RET_LOG, 0 },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, SECCOMP_RET_USER_NOTIF, 0 },
};

static bool kernel_has_action(uint32_t kernel)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kernel) == 0;
}

/* WHERE: "linux.seccomp.syscalls[3]", for errors; KEY: "action" or "defaultAction". */
static int action_parse(const struct oci_seccomp *s, const char *where, const char *key,
			const char *name, const struct opt_u32 *ret, uint32_t *ret_action,
			struct error *e)
{
	const struct action *a = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(name, actions[i].name))
			a = &actions[i];
	if (!a)
		return error_set(e, ERR_INPUT, "%s.%s: unknown action \"%.64s\"", where, key,
				 name ? name : "");
	if (a->value == SCMP_ACT_NOTIFY && !s->listenerPath)
		return error_set(e, ERR_INPUT,
				 "%s.%s: SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath", where,
				 key);
	if (!kernel_has_action(a->kernel))
		return error_set(e, ERR_UNSUPPORTED, "%s.%s: this kernel does not have %s", where,
				 key, name);
	if (ret->set && a->data_max == 0)
		return error_set(e, ERR_INPUT, "%s: %s takes no errno", where, name);
	if (ret->set && ret->v > a->data_max)
		return error_set(e, ERR_INPUT, "%s: errno %u is above %u", where, ret->v,
				 a->data_max);
	*ret_action = a->value;
	if (a->data_max)
		*ret_action |= ret->set ? ret->v : EPERM;
	return 0;
}

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

static int operator_parse(const char *name, enum scmp_compare *ret_op)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (str_eq(name, operators[i].name)) {
			*ret_op = operators[i].op;
			return 0;
		}
	return -1;
}

struct conditions {
	struct scmp_arg_cmp v[64];
	unsigned int n;
	bool alternatives; /* an argument occurs twice */
};

static int conditions_parse(const struct oci_seccomp_rule *r, const char *where,
			    struct conditions *c, struct error *e)
{
	unsigned int seen = 0;

	c->n = 0;
	c->alternatives = false;
	if (r->n_args > ARRAY_SIZE(c->v))
		return error_set(e, ERR_INPUT, "%s.args: %zu are too many", where, r->n_args);
	for (size_t i = 0; i < r->n_args; i++) {
		const struct oci_seccomp_arg *a = &r->args[i];
		struct scmp_arg_cmp *to = &c->v[c->n++];

		if (a->index >= ARGS_MAX)
			return error_set(e, ERR_INPUT, "%s.args[%zu].index: %u is above 5", where,
					 i, a->index);
		*to = (struct scmp_arg_cmp){ .arg = a->index,
					     .datum_a = a->value,
					     .datum_b = a->valueTwo };
		if (operator_parse(a->op, &to->op) < 0)
			return error_set(e, ERR_INPUT,
					 "%s.args[%zu].op: unknown operator \"%.64s\"", where, i,
					 a->op ? a->op : "");
		if (seen & (1U << a->index))
			c->alternatives = true;
		seen |= 1U << a->index;
	}
	return 0;
}

static int add_call(scmp_filter_ctx ctx, uint32_t action, int nr, const struct conditions *c)
{
	int rc;

	if (!c->alternatives)
		return seccomp_rule_add_array(ctx, action, nr, c->n, c->v);
	for (unsigned int i = 0; i < c->n; i++) {
		rc = seccomp_rule_add_array(ctx, action, nr, 1, &c->v[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_seccomp *s, size_t index,
		    uint32_t default_action, struct error *e)
{
	const struct oci_seccomp_rule *r = &s->syscalls[index];
	struct conditions c;
	uint32_t action;
	char where[48];

	snprintf(where, sizeof(where), "linux.seccomp.syscalls[%zu]", index);
	if (action_parse(s, where, "action", r->action, &r->errnoRet, &action, e) < 0 ||
	    conditions_parse(r, where, &c, e) < 0)
		return -1;
	if (action == default_action)
		return 0;
	for (size_t i = 0; i < r->n_names; i++) {
		int nr = seccomp_syscall_resolve_name(r->names[i]), rc;

		if (nr == __NR_SCMP_ERROR) {
			log_debug("%s: unknown system call \"%.64s\", left out", where,
				  r->names[i]);
			continue;
		}
		rc = add_call(ctx, action, nr, &c);
		if (rc < 0)
			return error_set(
				e, ERR_INPUT, "%s.names[%zu]: \"%.64s\": %s", where, i, r->names[i],
				rc == -EEXIST ? "another rule says otherwise" : error_words(-rc));
	}
	return 0;
}

/* By libseccomp's own names ("x86_64"). */
uint32_t seccomp_architecture(const char *name)
{
	char text[32];
	size_t n;

	if (!str_has_prefix(name, "SCMP_ARCH_"))
		return 0;
	name += strlen("SCMP_ARCH_");
	n = strlen(name);
	if (n == 0 || n >= sizeof(text))
		return 0;
	for (size_t i = 0; i <= n; i++)
		text[i] = (char)tolower((unsigned char)name[i]);
	return seccomp_arch_resolve_name(text);
}

static int add_architectures(scmp_filter_ctx ctx, const struct oci_seccomp *s, struct error *e)
{
	for (size_t i = 0; i < s->n_architectures; i++) {
		uint32_t arch = seccomp_architecture(s->architectures[i]);
		int rc;

		if (arch == 0)
			return error_set(
				e, ERR_INPUT,
				"linux.seccomp.architectures[%zu]: unknown architecture \"%.64s\"",
				i, s->architectures[i]);
		rc = seccomp_arch_add(ctx, arch);
		if (rc < 0 && rc != -EEXIST)
			return error_set(e, ERR_INPUT, "linux.seccomp.architectures[%zu]: %s: %s",
					 i, s->architectures[i],
					 rc == -EDOM ? "its byte order is not this machine's"
						     : error_words(-rc));
	}
	return 0;
}

static const struct {
	const char *name;
	unsigned int flag;
} flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

static int flags_parse(const struct oci_seccomp *s, unsigned int *ret_flags, struct error *e)
{
	unsigned int set = 0;

	for (size_t i = 0; i < s->n_flags; i++) {
		unsigned int flag = 0;

		for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
			if (str_eq(s->flags[i], flags[k].name))
				flag = flags[k].flag;
		if (!flag)
			return error_set(e, ERR_INPUT,
					 "linux.seccomp.flags[%zu]: unknown flag \"%.64s\"", i,
					 s->flags[i]);
		/* The kernel says EINVAL to it without a listener. */
		if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !oci_seccomp_notifies(s))
			return error_set(e, ERR_INPUT,
					 "linux.seccomp.flags[%zu]: %s is for SCMP_ACT_NOTIFY, "
					 "which no rule asks for",
					 i, s->flags[i]);
		set |= flag;
	}
	*ret_flags = set;
	return 0;
}

/* EFAULT: the kernel knows the flag and misses the program. */
bool seccomp_kernel_has_flag(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		unsigned int set = flags[i].flag;

		if (!str_eq(flags[i].name, name))
			continue;
		if (set == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
			set |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, set, NULL) < 0 &&
		       errno == EFAULT;
	}
	return false;
}

const char *seccomp_action_name(size_t i)
{
	return i < ARRAY_SIZE(actions) ? actions[i].name : NULL;
}

const char *seccomp_operator_name(size_t i)
{
	return i < ARRAY_SIZE(operators) ? operators[i].name : NULL;
}

const char *seccomp_flag_name(size_t i)
{
	return i < ARRAY_SIZE(flags) ? flags[i].name : NULL;
}

bool seccomp_knows_architecture(const char *name)
{
	return seccomp_architecture(name) != 0;
}

void seccomp_library_version(char ret_text[static 32])
{
	const struct scmp_version *v = seccomp_version();

	snprintf(ret_text, 32, "%u.%u.%u", v->major, v->minor, v->micro);
}

static int export_program(scmp_filter_ctx ctx, struct seccomp_program *p, struct error *e)
{
	cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	cleanup_free void *filter = NULL;
	struct stat st;
	size_t n;
	int rc;

	if (fd < 0)
		return error_errno(e, "memfd_create");
	rc = seccomp_export_bpf(ctx, fd);
	if (rc < 0)
		return error_set(e, -rc, "linux.seccomp: compile the filter: %s", error_words(-rc));
	if (fstat(fd, &st) < 0)
		return error_errno(e, "stat the compiled filter");
	n = (size_t)st.st_size / sizeof(struct sock_filter);
	if (n == 0 || n > BPF_MAXINSNS)
		return error_set(
			e, ERR_INPUT,
			"linux.seccomp: the filter has %zu instructions, the kernel takes %d", n,
			BPF_MAXINSNS);
	filter = xcalloc(n, sizeof(struct sock_filter));
	if (pread(fd, filter, (size_t)st.st_size, 0) != (ssize_t)st.st_size)
		return error_errno(e, "read the compiled filter");
	p->filter = steal_ptr(&filter);
	p->n = n;
	return 0;
}

static int build(const struct oci_seccomp *s, struct seccomp_program *p, struct error *e)
{
	cleanup_filter scmp_filter_ctx ctx = NULL;
	uint32_t action;

	if (action_parse(s, "linux.seccomp", "defaultAction", s->defaultAction, &s->defaultErrnoRet,
			 &action, e) < 0)
		return -1;
	ctx = seccomp_init(action);
	if (!ctx)
		return error_set(e, ERR_GENERIC,
				 "linux.seccomp: libseccomp refuses the default action %s",
				 s->defaultAction);
	/* A binary tree over the system call numbers instead of a line: a fifteenth of the
	 * instructions for each call of an engine's profile, and it loads faster. libseccomp
	 * 2.5. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (add_architectures(ctx, s, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_syscalls; i++)
		if (add_rule(ctx, s, i, action, e) < 0)
			return -1;
	if (export_program(ctx, p, e) < 0)
		return -1;
	seccomp_put_newer(s, p);
	return 0;
}

static bool lets_through(const char *action)
{
	return str_eq(action, "SCMP_ACT_ALLOW") || str_eq(action, "SCMP_ACT_LOG");
}

static bool names_call(const struct oci_seccomp_rule *r, const char *call)
{
	for (size_t i = 0; i < r->n_names; i++)
		if (str_eq(r->names[i], call))
			return true;
	return false;
}

/* False only if no call can end init, or wait for somebody, and fd_send()'s is allowed whatever its
 * arguments. */
static bool silences(const struct oci_seccomp *s)
{
	bool sends = lets_through(s->defaultAction);

	if (!sends && !str_eq(s->defaultAction, "SCMP_ACT_ERRNO"))
		return true;
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct oci_seccomp_rule *r = &s->syscalls[i];
		bool lets = lets_through(r->action);

		if ((!lets && !str_eq(r->action, "SCMP_ACT_ERRNO")) ||
		    (!lets && names_call(r, "sendmsg")))
			return true;
		sends = sends || (r->n_args == 0 && names_call(r, "sendmsg"));
	}
	return !sends;
}

/* All that the program depends on. The 2 is this file's own version: a change in what is built
 * takes another. */
static void describe(const struct oci_seccomp *s, struct strbuf *input)
{
	const struct scmp_version *v = seccomp_version();
	uint32_t version = v->major << 16 | v->minor << 8 | v->micro;
	uint32_t head[4] = { 2, version, seccomp_arch_native(), 0 };

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (kernel_has_action(actions[i].kernel))
			head[3] |= 1U << i;
	strbuf_add(input, head, sizeof(head));
	seccomp_cache_describe(s, input);
}

int seccomp_compile(const struct oci_seccomp *s, const char *cache_dir,
		    struct seccomp_program *ret_program, struct error *e)
{
	cleanup_strbuf struct strbuf input = { 0 };
	struct seccomp_program p = { 0 };

	if (!s) {
		*ret_program = p;
		return 0;
	}
	if (flags_parse(s, &p.flags, e) < 0)
		return -1;
	p.notifies = oci_seccomp_notifies(s);
	p.silences = silences(s);
	if (cache_dir)
		describe(s, &input);
	if (!cache_dir || !seccomp_cache_get(cache_dir, &input, &p)) {
		if (build(s, &p, e) < 0)
			return -1;
		if (cache_dir)
			seccomp_cache_put(cache_dir, &input, &p);
	}
	*ret_program = p;
	return 0;
}

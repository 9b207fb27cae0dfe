/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the compiled programs decide is asked of a small interpreter of classic BPF, so that no
 * filter has to be loaded to know its answer for every call; that the kernel takes them is tried
 * too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "runtime/credentials.h"
#include "runtime/seccomp.h"
#include "tests/unit/sandbox.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define NATIVE_NAME "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#define NATIVE_NAME "SCMP_ARCH_AARCH64"
#endif

#define STRINGS(name, ...) char *name[] = { __VA_ARGS__ }
#define S(x) ((char *)(x))

static uint32_t step_alu(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_AND:
		return a & k;
	case BPF_OR:
		return a | k;
	default:
		fail_msg("an instruction that seccomp does not have: %#x", code);
		return 0;
	}
}

static bool step_jump(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	default:
		fail_msg("an instruction that seccomp does not have: %#x", code);
		return false;
	}
}

static uint32_t decide_data(const struct seccomp_program *p, const struct seccomp_data *d)
{
	const struct sock_filter *f = p->filter;
	uint32_t a = 0;

	for (size_t pc = 0; pc < p->n; pc++) {
		uint16_t code = f[pc].code;

		if (code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_true(f[pc].k + 4 <= sizeof(*d));
			memcpy(&a, (const char *)d + f[pc].k, sizeof(a));
		} else if (BPF_CLASS(code) == BPF_RET) {
			return f[pc].k;
		} else if (BPF_CLASS(code) == BPF_ALU) {
			a = step_alu(code, a, f[pc].k);
		} else if (code == (BPF_JMP | BPF_JA)) {
			pc += f[pc].k;
		} else {
			assert_int_equal(BPF_CLASS(code), BPF_JMP);
			pc += step_jump(code, a, f[pc].k) ? f[pc].jt : f[pc].jf;
		}
	}
	fail_msg("the program ends without an answer");
	return 0;
}

static uint32_t decide(const struct seccomp_program *p, uint32_t arch, int nr, uint64_t a0,
		       uint64_t a1)
{
	const struct seccomp_data d = { .nr = nr, .arch = arch, .args = { a0, a1 } };

	return decide_data(p, &d);
}

static void compiles(const struct oci_seccomp *s, struct seccomp_program *p)
{
	ERROR_INIT(e);

	if (seccomp_compile(s, NULL, p, &e) < 0)
		fail_msg("%s", e.msg);
}

static void refused(const struct oci_seccomp *s, const char *want)
{
	struct seccomp_program p = { .n = 77 };
	ERROR_INIT(e);

	assert_int_equal(seccomp_compile(s, NULL, &p, &e), -1);
	assert_string_equal(e.msg, want);
	assert_int_equal(p.n, 77);
}

static void test_none(void **state)
{
	struct seccomp_program p = { .n = 77 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(seccomp_compile(NULL, "/none", &p, &e), 0);
	assert_null(p.filter);
	assert_int_equal(seccomp_program_load(&p, NULL, &e), 0);
	seccomp_program_done(&p);
	seccomp_program_done(&p);
}

static void test_actions(void **state)
{
	static const struct {
		const char *name;
		uint32_t want;
	} rows[] = {
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
	};
	STRINGS(names, S("getpid"), S("no_such_call"), S("getppid"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oci_seccomp_rule rule = { .names = names,
						 .n_names = 3,
						 .action = S(rows[i].name) };
		struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ALLOW"),
					 .syscalls = &rule,
					 .n_syscalls = 1 };
		struct seccomp_program p;

		compiles(&s, &p);
		assert_int_equal(decide(&p, NATIVE, SYS_getpid, 0, 0), rows[i].want);
		assert_int_equal(decide(&p, NATIVE, SYS_getppid, 0, 0), rows[i].want);
		assert_int_equal(decide(&p, NATIVE, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(decide(&p, 0x1234, SYS_read, 0, 0),
				 SECCOMP_RET_KILL_THREAD); /* another architecture */
		seccomp_program_done(&p);
		/* and as the default */
		rule.action = S("SCMP_ACT_ALLOW");
		s.defaultAction = S(rows[i].name);
		compiles(&s, &p);
		assert_int_equal(decide(&p, NATIVE, SYS_getpid, 0, 0), SECCOMP_RET_ALLOW);
		assert_int_equal(decide(&p, NATIVE, SYS_read, 0, 0), rows[i].want);
		seccomp_program_done(&p);
	}
}

static void test_errno(void **state)
{
	STRINGS(a, S("getpid"));
	STRINGS(b, S("getppid"));
	STRINGS(c, S("getuid"));
	struct oci_seccomp_rule rules[] = {
		{ .names = a,
		  .n_names = 1,
		  .action = S("SCMP_ACT_ERRNO"),
		  .errnoRet = { true, ENOSYS } },
		{ .names = b,
		  .n_names = 1,
		  .action = S("SCMP_ACT_ERRNO"),
		  .errnoRet = { true, 0 } },
		{ .names = c,
		  .n_names = 1,
		  .action = S("SCMP_ACT_ERRNO"),
		  .errnoRet = { true, 7 } }, /* as the default: left out */
	};
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ERRNO"),
				 .defaultErrnoRet = { true, 7 },
				 .syscalls = rules,
				 .n_syscalls = 3 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_int_equal(decide(&p, NATIVE, SYS_getpid, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(decide(&p, NATIVE, SYS_getppid, 0, 0), SECCOMP_RET_ERRNO);
	assert_int_equal(decide(&p, NATIVE, SYS_getuid, 0, 0), SECCOMP_RET_ERRNO | 7);
	assert_int_equal(decide(&p, NATIVE, SYS_read, 0, 0), SECCOMP_RET_ERRNO | 7);
	seccomp_program_done(&p);
}

#define BIG UINT64_C(0x100000005)

static void test_operators(void **state)
{
	static const struct {
		const char *op;
		uint64_t value, two;
		uint64_t yes[3], no[3];
	} rows[] = {
		{ "SCMP_CMP_EQ", 5, 0, { 5, 5, 5 }, { 4, 6, BIG } },
		{ "SCMP_CMP_EQ", BIG, 0, { BIG, BIG, BIG }, { 5, BIG + 1, BIG << 1 } },
		{ "SCMP_CMP_NE", 5, 0, { 4, 6, BIG }, { 5, 5, 5 } },
		{ "SCMP_CMP_LT", 5, 0, { 0, 4, 4 }, { 5, 6, BIG } },
		{ "SCMP_CMP_LE", 5, 0, { 0, 4, 5 }, { 6, 7, BIG } },
		{ "SCMP_CMP_GT", 5, 0, { 6, 7, BIG }, { 0, 4, 5 } },
		{ "SCMP_CMP_GE", 5, 0, { 5, 6, BIG }, { 0, 3, 4 } },
		{ "SCMP_CMP_MASKED_EQ",
		  0x7e020000,
		  0,
		  { 0, 0x11, BIG },
		  { 0x20000, 0x40000000, 0x7e020000 } },
		{ "SCMP_CMP_MASKED_EQ", 0xf0, 0x20, { 0x20, 0x2f, 0xf000020 }, { 0x10, 0x30, 0 } },
	};
	STRINGS(names, S("personality"));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oci_seccomp_arg arg = { .index = 0,
					       .value = rows[i].value,
					       .valueTwo = rows[i].two,
					       .op = S(rows[i].op) };
		struct oci_seccomp_rule rule = { .names = names,
						 .n_names = 1,
						 .action = S("SCMP_ACT_ALLOW"),
						 .args = &arg,
						 .n_args = 1 };
		struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ERRNO"),
					 .syscalls = &rule,
					 .n_syscalls = 1 };
		struct seccomp_program p;

		compiles(&s, &p);
		for (int k = 0; k < 3; k++) {
			assert_int_equal(decide(&p, NATIVE, SYS_personality, rows[i].yes[k], 0),
					 SECCOMP_RET_ALLOW);
			assert_int_equal(decide(&p, NATIVE, SYS_personality, rows[i].no[k], 0),
					 SECCOMP_RET_ERRNO | EPERM);
		}
		seccomp_program_done(&p);
	}
}

/* Conditions on different arguments must all hold; on the same argument they are alternatives, as
 * in runc. */
static void test_several_conditions(void **state)
{
	STRINGS(names, S("socket"));
	struct oci_seccomp_arg args[] = { { .index = 0, .value = 1, .op = S("SCMP_CMP_EQ") },
					  { .index = 1, .value = 2, .op = S("SCMP_CMP_EQ") } };
	struct oci_seccomp_rule rule = { .names = names,
					 .n_names = 1,
					 .action = S("SCMP_ACT_ALLOW"),
					 .args = args,
					 .n_args = 2 };
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ERRNO"),
				 .syscalls = &rule,
				 .n_syscalls = 1 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 1, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 1, 3), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 2, 2), SECCOMP_RET_ERRNO | EPERM);
	seccomp_program_done(&p);
	args[1].index = 0;
	compiles(&s, &p);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, NATIVE, SYS_socket, 3, 0), SECCOMP_RET_ERRNO | EPERM);
	seccomp_program_done(&p);
}

#if defined(__x86_64__)
static void newer_of(const struct seccomp_program *p, uint32_t arch, int getpid_nr)
{
	assert_int_equal(decide(p, arch, getpid_nr, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(p, arch, 439, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(p, arch, 438, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(p, arch, 440, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(decide(p, arch, 0xeffff, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(decide(p, arch, 0xf0000, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(p, arch, -1, 0, 0), SECCOMP_RET_ERRNO | EPERM);
}

static void answers(const struct oci_seccomp *s, int nr, uint32_t want)
{
	struct seccomp_program p;

	compiles(s, &p);
	assert_int_equal(decide(&p, NATIVE, nr, 0, 0), want);
	seccomp_program_done(&p);
}
#endif

/* Above all that the profile names, of each architecture that it names, is ENOSYS, if it were EPERM
 * otherwise. */
static void test_newer(void **state)
{
#if defined(__x86_64__)
	STRINGS(arches, S(NATIVE_NAME), S("SCMP_ARCH_X86"), S("SCMP_ARCH_X32"));
	STRINGS(allowed, S("getpid"), S("faccessat2"), S("no_such_call"));
	STRINGS(forbidden, S("quotactl_fd")); /* as the default: known all the same */
	struct oci_seccomp_rule rules[] = {
		{ .names = allowed, .n_names = 3, .action = S("SCMP_ACT_ALLOW") },
		{ .names = forbidden, .n_names = 1, .action = S("SCMP_ACT_ERRNO") },
	};
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ERRNO"),
				 .syscalls = rules,
				 .n_syscalls = 1,
				 .architectures = arches,
				 .n_architectures = 3 };
	const struct {
		const char *action;
		struct opt_u32 errno_ret;
		uint32_t newer;
	} rows[] = {
		{ "SCMP_ACT_ERRNO", { true, EPERM }, SECCOMP_RET_ERRNO | ENOSYS },
		{ "SCMP_ACT_ERRNO", { true, ENXIO }, SECCOMP_RET_ERRNO | ENXIO },
		{ "SCMP_ACT_KILL_PROCESS", { 0 }, SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_LOG", { 0 }, SECCOMP_RET_LOG },
	};
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	newer_of(&p, AUDIT_ARCH_X86_64, SYS_getpid);
	newer_of(&p, AUDIT_ARCH_I386, 20);
	assert_int_equal(decide(&p, AUDIT_ARCH_X86_64, 0x40000000 | SYS_getpid, 0, 0),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, AUDIT_ARCH_X86_64, 0x40000000 | 440, 0, 0),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(&p, 0x1234, 440, 0, 0), SECCOMP_RET_KILL_THREAD);
	seccomp_program_done(&p);
	s.n_syscalls = 2;
	answers(&s, 440, SECCOMP_RET_ERRNO | EPERM);
	answers(&s, 443, SECCOMP_RET_ERRNO | EPERM);
	answers(&s, 444, SECCOMP_RET_ERRNO | ENOSYS);
	s.n_architectures = 0; /* the native one is in, but nobody has thought of its numbers */
	answers(&s, 444, SECCOMP_RET_ERRNO | EPERM);
	s.n_architectures = 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s.defaultAction = S(rows[i].action);
		s.defaultErrnoRet = rows[i].errno_ret;
		answers(&s, 444, rows[i].newer);
	}
	s.defaultErrnoRet = (struct opt_u32){ 0 };
	s.defaultAction = S("SCMP_ACT_ERRNO");
	s.n_syscalls = 0; /* it names none */
	answers(&s, 444, SECCOMP_RET_ERRNO | EPERM);
#else
	(void)state;
	skip();
#endif
}

static void test_architectures(void **state)
{
#if defined(__x86_64__)
	STRINGS(arches, S("SCMP_ARCH_X86"), S("SCMP_ARCH_X32")); /* without the native one */
	STRINGS(bad, S("SCMP_ARCH_X86_64"), S("SCMP_ARCH_VAX"));
	STRINGS(big_endian, S("SCMP_ARCH_S390X"));
	STRINGS(bare, S("x86"));
	STRINGS(names, S("getpid"), S("socketcall"));
	struct oci_seccomp_rule rule = { .names = names,
					 .n_names = 2,
					 .action = S("SCMP_ACT_ALLOW") };
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ERRNO"),
				 .syscalls = &rule,
				 .n_syscalls = 1,
				 .architectures = arches,
				 .n_architectures = 2 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_int_equal(decide(&p, AUDIT_ARCH_X86_64, SYS_getpid, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, AUDIT_ARCH_X86_64, SYS_read, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(&p, AUDIT_ARCH_I386, 20, 0, 0), SECCOMP_RET_ALLOW); /* its getpid */
	assert_int_equal(decide(&p, AUDIT_ARCH_I386, 102, 0, 0),
			 SECCOMP_RET_ALLOW); /* socketcall, which only it has */
	assert_int_equal(decide(&p, AUDIT_ARCH_I386, SYS_getpid, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(decide(&p, AUDIT_ARCH_X86_64, 0x40000000 | SYS_getpid, 0, 0),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&p, AUDIT_ARCH_AARCH64, 172, 0, 0), SECCOMP_RET_KILL_THREAD);
	seccomp_program_done(&p);
	s.architectures = bad;
	refused(&s, "linux.seccomp.architectures[1]: unknown architecture \"SCMP_ARCH_VAX\"");
	s.n_architectures = 1;
	compiles(&s, &p); /* naming the native one is fine */
	seccomp_program_done(&p);
	s.architectures = big_endian;
	refused(&s, "linux.seccomp.architectures[0]: SCMP_ARCH_S390X: its byte order is not this "
		    "machine's");
	s.architectures = bare;
	refused(&s, "linux.seccomp.architectures[0]: unknown architecture \"x86\"");
#else
	(void)state;
	skip();
#endif
}

static void test_refused(void **state)
{
	STRINGS(names, S("getpid"));
	struct oci_seccomp_arg arg = { .index = 6, .op = S("SCMP_CMP_EQ") };
	struct oci_seccomp_rule rule = { .names = names,
					 .n_names = 1,
					 .action = S("SCMP_ACT_MAYBE") };
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ALLOW"),
				 .syscalls = &rule,
				 .n_syscalls = 1 };
	STRINGS(flags, S("SECCOMP_FILTER_FLAG_LOG"), S("SECCOMP_FILTER_FLAG_X"));

	(void)state;
	refused(&s, "linux.seccomp.syscalls[0].action: unknown action \"SCMP_ACT_MAYBE\"");
	rule.action = S("SCMP_ACT_NOTIFY");
	refused(&s, "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY needs "
		    "linux.seccomp.listenerPath");
	rule.action = S("SCMP_ACT_KILL");
	rule.errnoRet = (struct opt_u32){ true, 1 };
	refused(&s, "linux.seccomp.syscalls[0]: SCMP_ACT_KILL takes no errno");
	rule.action = S("SCMP_ACT_ERRNO");
	rule.errnoRet.v = 4096;
	refused(&s, "linux.seccomp.syscalls[0]: errno 4096 is above 4095");
	rule.errnoRet.set = false;
	rule.args = &arg;
	rule.n_args = 1;
	refused(&s, "linux.seccomp.syscalls[0].args[0].index: 6 is above 5");
	arg.index = 5;
	arg.op = S("EQ");
	refused(&s, "linux.seccomp.syscalls[0].args[0].op: unknown operator \"EQ\"");
	arg.op = NULL;
	refused(&s, "linux.seccomp.syscalls[0].args[0].op: unknown operator \"\"");
	rule.n_args = 1000;
	refused(&s, "linux.seccomp.syscalls[0].args: 1000 are too many");
	s.n_syscalls = 0;
	s.flags = flags;
	s.n_flags = 2;
	refused(&s, "linux.seccomp.flags[1]: unknown flag \"SECCOMP_FILTER_FLAG_X\"");
	flags[1] = S("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
	refused(&s, "linux.seccomp.flags[1]: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for "
		    "SCMP_ACT_NOTIFY, which no rule asks for");
	s.n_flags = 0;
	s.defaultErrnoRet = (struct opt_u32){ true, 1 };
	refused(&s, "linux.seccomp: SCMP_ACT_ALLOW takes no errno");
	s.defaultAction = NULL;
	refused(&s, "linux.seccomp.defaultAction: unknown action \"\"");
}

static void test_notify(void **state)
{
	STRINGS(names, S("getpid"));
	STRINGS(flags, S("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"));
	struct oci_seccomp_rule rule = { .names = names,
					 .n_names = 1,
					 .action = S("SCMP_ACT_NOTIFY") };
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ALLOW"),
				 .listenerPath = S("/run/agent"),
				 .syscalls = &rule,
				 .n_syscalls = 1,
				 .flags = flags,
				 .n_flags = 1 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_true(p.notifies);
	assert_int_equal(p.flags, 1U << 5);
	assert_int_equal(decide(&p, NATIVE, SYS_getpid, 0, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(decide(&p, NATIVE, SYS_getppid, 0, 0), SECCOMP_RET_ALLOW);
	seccomp_program_done(&p);
}

/* What may keep init from telling that execve failed. */
static void test_silences(void **state)
{
	static const struct {
		const char *by_default, *action, *call;
		bool args, want;
	} rows[] = {
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "mkdir", false, false },
		{ "SCMP_ACT_LOG", "SCMP_ACT_ERRNO", "mkdir", true, false },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "sendmsg", false, true },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "sendmsg", true, true },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_KILL_PROCESS", "mkdir", false, true },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_KILL", "mkdir", true, true },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_TRAP", "mkdir", false, true },
		{ "SCMP_ACT_ALLOW", "SCMP_ACT_TRACE", "mkdir", false, true },
		{ "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "sendmsg", false, false },
		{ "SCMP_ACT_ERRNO", "SCMP_ACT_LOG", "sendmsg", false, false },
		{ "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "sendmsg", true, true },
		{ "SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "write", false, true },
		{ "SCMP_ACT_KILL", "SCMP_ACT_ALLOW", "sendmsg", false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct oci_seccomp_arg arg = { .value = 1, .op = S("SCMP_CMP_EQ") };
		STRINGS(names, S(rows[i].call));
		struct oci_seccomp_rule rule = { .names = names,
						 .n_names = 1,
						 .action = S(rows[i].action),
						 .args = &arg,
						 .n_args = rows[i].args };
		struct oci_seccomp s = { .defaultAction = S(rows[i].by_default),
					 .syscalls = &rule,
					 .n_syscalls = 1 };
		struct seccomp_program p;

		compiles(&s, &p);
		if (p.silences != rows[i].want)
			fail_msg("row %zu", i);
		seccomp_program_done(&p);
	}
}

static void test_flags(void **state)
{
	STRINGS(flags, S("SECCOMP_FILTER_FLAG_LOG"), S("SECCOMP_FILTER_FLAG_TSYNC"),
		S("SECCOMP_FILTER_FLAG_SPEC_ALLOW"));
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ALLOW"),
				 .flags = flags,
				 .n_flags = 3 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_int_equal(p.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC |
					  SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	seccomp_program_done(&p);
}

static void load(void *arg)
{
	const struct seccomp_program *p = arg;
	ERROR_INIT(e);

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK_OK(seccomp_program_load(p, NULL, &e), &e);
	CHECK(syscall(SYS_getppid) == -1 && errno == 77);
	CHECK(getpid() > 0);
}

static void load_without_privilege(void *arg)
{
	const struct seccomp_program *p = arg;
	struct caps none = { 0 };
	ERROR_INIT(e);

	CHECK_OK(caps_apply(&none, &e), &e);
	CHECK_FAILS(seccomp_program_load(p, NULL, &e), &e,
		    "load the seccomp filter: needs process.noNewPrivileges or CAP_SYS_ADMIN");
}

static void load_bad_flags(void *arg)
{
	struct seccomp_program p = *(const struct seccomp_program *)arg;
	ERROR_INIT(e);

	p.flags = 1U << 20;
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK_FAILS(seccomp_program_load(&p, NULL, &e), &e,
		    "load the seccomp filter: Invalid argument");
	CHECK(strstr(e.hint, "linux.seccomp.flags"));
}

static void test_load(void **state)
{
	STRINGS(flags, S("SECCOMP_FILTER_FLAG_LOG"), S("SECCOMP_FILTER_FLAG_TSYNC"),
		S("SECCOMP_FILTER_FLAG_SPEC_ALLOW"));
	STRINGS(names, S("getppid"));
	struct oci_seccomp_rule rule = { .names = names,
					 .n_names = 1,
					 .action = S("SCMP_ACT_ERRNO"),
					 .errnoRet = { true, 77 } };
	struct oci_seccomp s = { .defaultAction = S("SCMP_ACT_ALLOW"),
				 .syscalls = &rule,
				 .n_syscalls = 1,
				 .flags = flags,
				 .n_flags = 3 };
	struct seccomp_program p;

	(void)state;
	compiles(&s, &p);
	assert_int_equal(sandbox_run(0, NULL, 0, load, &p), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, load_without_privilege, &p), 0);
	assert_int_equal(sandbox_run(0, NULL, 0, load_bad_flags, &p), 0);
	seccomp_program_done(&p);
}

/* ---- the cache ---- */

struct cache {
	char parent[64], dir[96], file[384];
	struct oci_seccomp s;
	struct oci_seccomp_rule rule;
	char *names[1];
};

static int cache_setup(void **state)
{
	struct cache *c = xcalloc(1, sizeof(*c));

	snprintf(c->parent, sizeof(c->parent), "/tmp/nsrun-test-seccomp.XXXXXX");
	if (!mkdtemp(c->parent))
		return -1;
	snprintf(c->dir, sizeof(c->dir), "%s/a/cache", c->parent);
	c->names[0] = S("getppid");
	c->rule = (struct oci_seccomp_rule){ .names = c->names,
					     .n_names = 1,
					     .action = S("SCMP_ACT_ERRNO"),
					     .errnoRet = { true, 1 } };
	c->s = (struct oci_seccomp){ .defaultAction = S("SCMP_ACT_ALLOW"),
				     .syscalls = &c->rule,
				     .n_syscalls = 1 };
	*state = c;
	return 0;
}

static size_t entries(const struct cache *c, char first[256])
{
	struct dirent *entry;
	DIR *d = opendir(c->dir);
	size_t n = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.') {
			if (first)
				snprintf(first, 256, "%s", entry->d_name);
			n++;
		}
	closedir(d);
	return n;
}

static int cache_teardown(void **state)
{
	struct cache *c = *state;
	char name[256], path[512];

	while (entries(c, name)) {
		snprintf(path, sizeof(path), "%s/%s", c->dir, name);
		if (remove(path) < 0)
			return -1;
	}
	rmdir(c->dir);
	snprintf(path, sizeof(path), "%s/a", c->parent);
	rmdir(path);
	rmdir(c->parent);
	free(c);
	return 0;
}

/* Compiles with the cache; what getppid then answers. */
static uint32_t answer(struct cache *c)
{
	struct seccomp_program p;
	uint32_t r;
	char name[256];
	ERROR_INIT(e);

	if (seccomp_compile(&c->s, c->dir, &p, &e) < 0)
		fail_msg("%s", e.msg);
	r = decide(&p, NATIVE, SYS_getppid, 0, 0);
	seccomp_program_done(&p);
	if (entries(c, name) == 1)
		snprintf(c->file, sizeof(c->file), "%s/%s", c->dir, name);
	return r;
}

static struct stat status(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void test_cache_hit(void **state)
{
	struct cache *c = *state;
	struct stat a, b;

	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(entries(c, NULL), 1);
	assert_int_equal(status(c->dir).st_mode & 07777, 0700);
	a = status(c->file);
	assert_int_equal(a.st_mode & 07777, 0600);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	b = status(c->file);
	assert_true(a.st_ino == b.st_ino); /* read, not written anew */
	c->rule.errnoRet.v = 2;
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 2);
	assert_int_equal(entries(c, NULL), 2);
}

/* Every part of the profile makes another entry. */
static void test_cache_tells_profiles_apart(void **state)
{
	struct cache *c = *state;
	STRINGS(arches, S(NATIVE_NAME));
	STRINGS(flags, S("SECCOMP_FILTER_FLAG_LOG"));
	STRINGS(two, S("getppid"), S("getuid"));
	struct oci_seccomp_arg arg = {
		.index = 1, .value = 1, .valueTwo = 0, .op = S("SCMP_CMP_EQ")
	};
	size_t n = 0;

#define NEXT() (answer(c), assert_int_equal(entries(c, NULL), ++n))
	NEXT();
	c->s.architectures = arches;
	c->s.n_architectures = 1;
	NEXT();
	c->s.flags = flags;
	c->s.n_flags = 1;
	NEXT();
	c->rule.names = two;
	c->rule.n_names = 2;
	NEXT();
	c->rule.args = &arg;
	c->rule.n_args = 1;
	NEXT();
	arg.index = 2;
	NEXT();
	arg.value = 2;
	NEXT();
	arg.valueTwo = 1;
	NEXT();
	arg.op = S("SCMP_CMP_GT");
	NEXT();
	c->rule.errnoRet.set = false;
	NEXT();
	c->rule.action = S("SCMP_ACT_KILL");
	NEXT();
	c->s.defaultAction = S("SCMP_ACT_LOG");
	NEXT();
	c->s.defaultAction = S("SCMP_ACT_ERRNO");
	NEXT();
	c->s.defaultErrnoRet = (struct opt_u32){ true, 1 }; /* the same as the default, told */
	NEXT();
	c->s.n_syscalls = 0;
	NEXT();
}

/* Somebody puts an allowing program where the forbidding one is looked for: it says what it was
 * made from. */
static void test_cache_swapped_entry(void **state)
{
	struct cache *c = *state;
	char forbids[384], allows[384];

	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	memcpy(forbids, c->file, sizeof(forbids));
	assert_int_equal(unlink(forbids), 0);
	c->s.n_syscalls = 0;
	assert_int_equal(answer(c), SECCOMP_RET_ALLOW);
	memcpy(allows, c->file, sizeof(allows));
	assert_int_equal(rename(allows, forbids), 0);
	c->s.n_syscalls = 1;
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
}

/* Flips each byte, cuts at each length: the answer stays right. */
static void test_cache_damaged_entry(void **state)
{
	struct cache *c = *state;
	cleanup_free char *good = NULL;
	size_t len;
	ERROR_INIT(e);

	answer(c);
	assert_int_equal(file_read(AT_FDCWD, c->file, false, 1 << 20, &good, &len, &e), 0);
	for (size_t i = 0; i < len; i++) {
		good[i] ^= 0x20;
		assert_int_equal(file_replace(AT_FDCWD, c->file, good, len, 0600, &e), 0);
		good[i] ^= 0x20;
		assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	}
	for (size_t i = 0; i < len; i += 4) {
		assert_int_equal(file_replace(AT_FDCWD, c->file, good, i, 0600, &e), 0);
		assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	}
	assert_int_equal(entries(c, NULL), 1);
}

static void test_cache_odd_files(void **state)
{
	struct cache *c = *state;
	char other[400];
	ino_t inode;

	answer(c);
	inode = status(c->file).st_ino;
	assert_int_equal(chmod(c->file, 0644), 0); /* not ours alone */
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_true(status(c->file).st_ino != inode);
	/* a link, even to a good entry */
	snprintf(other, sizeof(other), "%s.other", c->file);
	assert_int_equal(rename(c->file, other), 0);
	assert_int_equal(symlink(other, c->file), 0);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(unlink(other), 0);
	assert_true(S_ISREG(status(c->file).st_mode));
	/* a second name */
	assert_int_equal(link(c->file, other), 0);
	inode = status(c->file).st_ino;
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_true(status(c->file).st_ino != inode);
	assert_int_equal(unlink(other), 0);
	/* a fifo hangs nobody */
	assert_int_equal(unlink(c->file), 0);
	assert_int_equal(mkfifo(c->file, 0600), 0);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_true(S_ISREG(status(c->file).st_mode));
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(c->file, 1000, 0), 0);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(status(c->file).st_uid, 0);
}

static void test_cache_odd_directories(void **state)
{
	struct cache *c = *state;
	char path[400];

	answer(c);
	assert_int_equal(unlink(c->file), 0);
	assert_int_equal(chmod(c->dir, 0755), 0); /* others could look, and soon write */
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(entries(c, NULL), 0);
	assert_int_equal(chmod(c->dir, 01700), 0);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(entries(c, NULL), 0);
	assert_int_equal(chmod(c->dir, 0700), 0);
	snprintf(path, sizeof(path), "%s/a/real", c->parent);
	assert_int_equal(rename(c->dir, path), 0);
	assert_int_equal(symlink("real", c->dir), 0);
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(entries(c, NULL), 0);
	assert_int_equal(unlink(c->dir), 0);
	assert_int_equal(rename(path, c->dir), 0);
	/* a file there, or no such place: compiled all the same */
	snprintf(c->dir, sizeof(c->dir), "/proc/version");
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	snprintf(c->dir, sizeof(c->dir), "/proc/none/cache");
	assert_int_equal(answer(c), SECCOMP_RET_ERRNO | 1);
	snprintf(c->dir, sizeof(c->dir), "%s/a/cache", c->parent);
}

static void test_cache_is_bounded(void **state)
{
	struct cache *c = *state;
	char first[256], path[384];
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int fd;

	answer(c);
	assert_int_equal(entries(c, first), 1);
	assert_int_equal(utimensat(AT_FDCWD, c->file, old, 0), 0);
	snprintf(path, sizeof(path), "%s/keep-me", c->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	for (uint32_t i = 2; i < 100; i++) {
		c->rule.errnoRet.v = i;
		assert_int_equal(answer(c), SECCOMP_RET_ERRNO | i);
	}
	assert_int_equal(entries(c, NULL), 64 + 1);
	assert_int_equal(access(path, F_OK), 0); /* a stranger is left alone */
	snprintf(path, sizeof(path), "%s/%s", c->dir, first);
	assert_int_equal(access(path, F_OK), -1); /* the oldest went first */
}

int main(void)
{
#define CACHE_TEST(f) cmocka_unit_test_setup_teardown(f, cache_setup, cache_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_several_conditions),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_architectures),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_silences),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_load),
		CACHE_TEST(test_cache_hit),
		CACHE_TEST(test_cache_tells_profiles_apart),
		CACHE_TEST(test_cache_swapped_entry),
		CACHE_TEST(test_cache_damaged_entry),
		CACHE_TEST(test_cache_odd_files),
		CACHE_TEST(test_cache_odd_directories),
		CACHE_TEST(test_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

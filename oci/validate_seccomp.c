/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of config-linux.md's seccomp. Names of system calls are not looked at: profiles list
 * those of many kernels, and unknown ones are left out when the filter is made.
 */
#include "oci/validate.h"

#include <string.h>

#define ERRNO_MAX 4095	/* the kernel's MAX_ERRNO: above, it answers with that */
#define TRACE_MAX 65535 /* SECCOMP_RET_DATA, for the tracer */
#define ARGS_MAX  6

static const char *const actions[] = {
	"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_TRAP",  "SCMP_ACT_ERRNO",	   "SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW", "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY",
};
static const char *const architectures[] = {
	"SCMP_ARCH_X86",	 "SCMP_ARCH_X86_64",	  "SCMP_ARCH_X32",     "SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64",	 "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K",    "SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",	 "SCMP_ARCH_MIPS64N32",	  "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",	  "SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_S390",	 "SCMP_ARCH_S390X",	  "SCMP_ARCH_SH",      "SCMP_ARCH_SHEB",
	"SCMP_ARCH_PARISC",	 "SCMP_ARCH_PARISC64",	  "SCMP_ARCH_RISCV64",
};
static const char *const filter_flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};
static const char *const operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
};

const char *oci_seccomp_architecture(size_t i)
{
	return i < ARRAY_SIZE(architectures) ? architectures[i] : NULL;
}

bool oci_seccomp_notifies(const struct oci_seccomp *s)
{
	if (str_eq(s->defaultAction, "SCMP_ACT_NOTIFY"))
		return true;
	for (size_t i = 0; i < s->n_syscalls; i++)
		if (str_eq(s->syscalls[i].action, "SCMP_ACT_NOTIFY"))
			return true;
	return false;
}

static int check_action(const struct oci_seccomp *s, const char *action, const char *action_key,
			struct opt_u32 number, const char *number_key, const struct field_path *at,
			struct error *e)
{
	bool trace = str_eq(action, "SCMP_ACT_TRACE");
	unsigned int max = trace ? TRACE_MAX : ERRNO_MAX;

	if (OCI_CHECK_WORD(actions, action, FIELD_AT(at, action_key), e) < 0)
		return -1;
	if (str_eq(action, "SCMP_ACT_NOTIFY") && !s->listenerPath)
		return field_error(FIELD_AT(at, action_key), e,
				   "SCMP_ACT_NOTIFY needs seccomp.listenerPath");
	/* "When the action doesn't support an errno, the runtime MUST print and error and fail." */
	if (number.set && !trace && !str_eq(action, "SCMP_ACT_ERRNO"))
		return field_error(FIELD_AT(at, number_key), e, "%s takes no errno", action);
	if (number.set && number.v > max)
		return field_error(FIELD_AT(at, number_key), e, "%u is above %u", number.v, max);
	return 0;
}

static int check_rule(const struct oci_seccomp *s, const struct oci_seccomp_rule *r,
		      const struct field_path *at, struct error *e)
{
	if (!r->n_names)
		return field_error(FIELD_AT(at, "names"), e, "empty");
	if (check_action(s, r->action, "action", r->errnoRet, "errnoRet", at, e) < 0)
		return -1;
	for (size_t i = 0; i < r->n_args; i++) {
		const struct field_path *entry = FIELD_ELEMENT(FIELD_AT(at, "args"), i);

		if (r->args[i].index >= ARGS_MAX)
			return field_error(FIELD_AT(entry, "index"), e, "%u is above %d",
					   r->args[i].index, ARGS_MAX - 1);
		if (OCI_CHECK_WORD(operators, r->args[i].op, FIELD_AT(entry, "op"), e) < 0)
			return -1;
	}
	return 0;
}

int oci_seccomp_validate(const struct oci_seccomp *s, const struct field_path *at, struct error *e)
{
	if (s->listenerPath &&
	    oci_check_absolute(s->listenerPath, FIELD_AT(at, "listenerPath"), e) < 0)
		return -1;
	if (s->listenerMetadata && !s->listenerPath)
		return field_error(FIELD_AT(at, "listenerMetadata"), e, "needs listenerPath");
	if (check_action(s, s->defaultAction, "defaultAction", s->defaultErrnoRet,
			 "defaultErrnoRet", at, e) < 0 ||
	    OCI_CHECK_WORDS(architectures, s->architectures, s->n_architectures,
			    FIELD_AT(at, "architectures"), e) < 0 ||
	    OCI_CHECK_WORDS(filter_flags, s->flags, s->n_flags, FIELD_AT(at, "flags"), e) < 0)
		return -1;
	for (size_t i = 0; i < s->n_syscalls; i++)
		if (check_rule(s, &s->syscalls[i], FIELD_ELEMENT(FIELD_AT(at, "syscalls"), i), e) <
		    0)
			return -1;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The re-execution of runtime/protect.c before the C library has started.
 *
 * glibc's start asks the processor for its caches and features: some 25 CPUID instructions, each of
 * which a virtual machine's host has to answer, and 25 page faults. That is 0.3 ms, which create,
 * run and exec would pay twice. So a static program's first instruction is ours: if the words hold
 * one of these verbs, and this image is not yet the protected one, it is executed anew right here.
 * In all other cases, and wherever something fails, the usual start follows, and protect_self()
 * looks again and has the last word. This is a short cut and no part of the protection.
 *
 * Before the C library has started there are no thread-local variables (so no stack protector and
 * no errno) and none of its functions that have variants by processor (memcpy, strcmp, ...).
 */
#if defined(__x86_64__) && defined(__linux__)

#include <fcntl.h>
#include <linux/auxvec.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

__attribute__((no_stack_protector)) static long call(long number, long a, const void *b, long c,
						     long d, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

__attribute__((no_stack_protector)) static bool begins(const char *s, const char *with, bool all)
{
	while (*with)
		if (*s++ != *with++)
			return false;
	return !all || !*s;
}

/* A word too many costs that invocation a second start, nothing else. */
__attribute__((no_stack_protector)) static bool wants(char *const *argv)
{
	for (size_t i = 1; argv[0] && argv[i]; i++)
		if (begins(argv[i], "create", true) || begins(argv[i], "run", true) ||
		    begins(argv[i], "exec", true))
			return true;
	return false;
}

/* STACK as the kernel leaves it: argc, argv, NULL, envp, NULL, the auxiliary vector. */
__attribute__((no_stack_protector, used)) void protect_before_start(uintptr_t *stack);
void protect_before_start(uintptr_t *stack)
{
	char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	const char *name = "";
	const uintptr_t *aux;
	long fd;

	if (!wants(argv))
		return;
	for (aux = (uintptr_t *)envp; *aux;)
		aux++;
	for (aux++; aux[0] != AT_NULL; aux += 2)
		if (aux[0] == AT_EXECFN)
			name = (const char *)aux[1];
	if (begins(name, "/dev/fd/", false)) /* executed by descriptor: we are the second */
		return;
	fd = call(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return;
	if (call(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0)
		call(SYS_execveat, fd, "", (long)argv, (long)envp, AT_EMPTY_PATH);
	call(SYS_close, fd, NULL, 0, 0, 0);
}

/* The program's entry (-Wl,-e,protect_entry, configure.ac): the stack is as the kernel left it, and
 * _start finds it so again. */
__asm__(".text\n"
	".globl protect_entry\n"
	".type protect_entry, @function\n"
	"protect_entry:\n"
	"	endbr64\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rdx, %r12\n"
	"	movq %rsp, %rbx\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call protect_before_start\n"
	"	movq %rbx, %rsp\n"
	"	movq %r12, %rdx\n"
	"	jmp _start\n"
	".size protect_entry, . - protect_entry\n");

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why execve refused a file that is there. Its errno alone misleads: ENOENT is said of a missing
 * loader or interpreter too, ENOEXEC of a binary of another machine, of a script without "#!" and
 * of an empty file.
 *
 * The file is the image's, and this runs in the container, perhaps with the seccomp filter on: only
 * open, pread, stat and close are used, every offset is checked, and whatever cannot be read leaves
 * the bare errno.
 */
#include "runtime/credentials.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"

#define HEAD_MAX 4096 /* of the file; the kernel looks at 256 bytes of a script */
#define INTERPRETER_MAX 256
#define DEPTH_MAX 4 /* a script's interpreter may be a script: the kernel follows 5 */

static const struct {
	uint16_t machine;
	const char *name;
} machines[] = {
	{ EM_X86_64, "x86_64" },   { EM_386, "i386" },
	{ EM_AARCH64, "aarch64" }, { EM_ARM, "arm" },
	{ EM_RISCV, "riscv" },	   { EM_PPC64, "ppc64" },
	{ EM_PPC, "ppc" },	   { EM_S390, "s390" },
	{ EM_MIPS, "mips" },	   { EM_LOONGARCH, "loongarch" },
	{ EM_SPARCV9, "sparc64" },
};

static const char *machine_name(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (machines[i].machine == machine)
			return machines[i].name;
	return NULL;
}

static ssize_t read_at(int fd, void *buf, size_t n, off_t at)
{
	ssize_t k;

	do
		k = pread(fd, buf, n, at);
	while (k < 0 && errno == EINTR);
	return k;
}

/* What e_machine says, whatever its byte order. */
static uint16_t elf_machine(const unsigned char *head)
{
	const size_t at = offsetof(Elf64_Ehdr, e_machine); /* the same in both classes */

	if (head[EI_DATA] == ELFDATA2MSB)
		return (uint16_t)(head[at] << 8 | head[at + 1]);
	return (uint16_t)(head[at + 1] << 8 | head[at]);
}

/* The PT_INTERP string of an ELF file of our own byte order into TEXT. */
#define ELF_INTERPRETER(bits)                                                                      \
	static bool elf##bits##_interpreter(int fd, const unsigned char *head, size_t n,           \
					    char text[INTERPRETER_MAX])                            \
	{                                                                                          \
		Elf##bits##_Ehdr eh;                                                               \
		Elf##bits##_Phdr ph;                                                               \
		if (n < sizeof(eh))                                                                \
			return false;                                                              \
		memcpy(&eh, head, sizeof(eh));                                                     \
		if (eh.e_phentsize != sizeof(ph))                                                  \
			return false;                                                              \
		for (unsigned int i = 0; i < eh.e_phnum && i < 64; i++) {                          \
			off_t at = (off_t)(eh.e_phoff + (uint64_t)i * sizeof(ph));                 \
			if (read_at(fd, &ph, sizeof(ph), at) != (ssize_t)sizeof(ph))               \
				return false;                                                      \
			if (ph.p_type != PT_INTERP)                                                \
				continue;                                                          \
			if (ph.p_filesz < 2 || ph.p_filesz > INTERPRETER_MAX ||                    \
			    read_at(fd, text, ph.p_filesz, (off_t)ph.p_offset) !=                  \
				    (ssize_t)ph.p_filesz)                                          \
				return false;                                                      \
			text[ph.p_filesz - 1] = '\0';                                              \
			return true;                                                               \
		}                                                                                  \
		return false;                                                                      \
	}
ELF_INTERPRETER(32)
ELF_INTERPRETER(64)

/* The interpreter that the script's first line names; its argument is left out. "/bin/sh\r" keeps
 * its \r. */
static bool script_interpreter(const char *head, size_t n, char text[INTERPRETER_MAX])
{
	size_t from = 2, to;

	while (from < n && (head[from] == ' ' || head[from] == '\t'))
		from++;
	to = from;
	while (to < n && !strchr(" \t\n", head[to])) /* strchr finds NUL, too: it ends the name */
		to++;
	if (to == from || to == n || to - from >= INTERPRETER_MAX)
		return false;
	memcpy(text, head + from, to - from);
	text[to - from] = '\0';
	return true;
}

struct finding {
	char text[INTERPRETER_MAX + 192];
};

static void finding_elf(int fd, const unsigned char *head, size_t n, int err, struct finding *f,
			char interpreter[INTERPRETER_MAX])
{
	const char *name = machine_name(elf_machine(head));
	struct utsname uts;

	if (err == ENOEXEC) {
		if (uname(&uts) == 0)
			snprintf(f->text, sizeof(f->text),
				 "it is built for %s, this machine is %.64s",
				 name ? name : "another machine", uts.machine);
		return;
	}
	if (head[EI_CLASS] == ELFCLASS64 ? elf64_interpreter(fd, head, n, interpreter) :
					   elf32_interpreter(fd, head, n, interpreter))
		snprintf(f->text, sizeof(f->text), "it needs the loader \"%s\"", interpreter);
}

static void finding_script(const char *head, size_t n, struct finding *f,
			   char interpreter[INTERPRETER_MAX])
{
	size_t len;

	if (!script_interpreter(head, n, interpreter))
		return;
	len = strlen(interpreter);
	if (len > 1 && interpreter[len - 1] == '\r') {
		snprintf(f->text, sizeof(f->text),
			 "its first line ends in CR LF, as on Windows, and so asks for an "
			 "interpreter \"%.*s\\r\"",
			 (int)len - 1, interpreter);
		return;
	}
	snprintf(f->text, sizeof(f->text), "it needs the interpreter \"%s\"", interpreter);
}

/* Looks into PATH. True: INTERPRETER is what it runs by, which may be at fault instead. */
static bool look(const char *path, int err, struct finding *f, char interpreter[INTERPRETER_MAX])
{
	unsigned char head[HEAD_MAX] = { 0 };
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	interpreter[0] = f->text[0] = '\0';
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	n = read_at(fd, head, sizeof(head), 0);
	if (n < 0)
		return false;
	if (n >= (ssize_t)sizeof(Elf32_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0)
		finding_elf(fd, head, (size_t)n, err, f, interpreter);
	else if (n >= 2 && head[0] == '#' && head[1] == '!')
		finding_script((const char *)head, (size_t)n, f, interpreter);
	else if (err == ENOEXEC)
		snprintf(f->text, sizeof(f->text), "%s",
			 n == 0 ? "the file is empty"
				: "neither a binary of this system nor a script that begins with "
				  "\"#!\"");
	return interpreter[0] != '\0';
}

/* execve said ENOENT or EACCES of PATH, or of what it runs by: finds which. */
static void find_interpreter(const char *path, int err, struct finding *f)
{
	char current[INTERPRETER_MAX];
	struct finding next;
	struct stat st;

	*f = (struct finding){ { 0 } };
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		char interpreter[INTERPRETER_MAX];

		if (!look(path, err, &next, interpreter))
			return;
		if (stat(interpreter, &st) < 0) {
			if (errno == err)
				*f = next;
			return;
		}
		if (err == EACCES && (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))) {
			snprintf(f->text, sizeof(f->text), "%.400s, which is not executable",
				 next.text);
			return;
		}
		memcpy(current, interpreter, sizeof(current));
		path = current;
	}
}

int executable_explain(const char *argv0, const char *path, struct error *e)
{
	char interpreter[INTERPRETER_MAX];
	struct finding f = { { 0 } };
	struct statvfs fs;
	int err = errno;

	if (err == ENOEXEC)
		look(path, err, &f, interpreter);
	else if (err == ENOENT || err == EACCES)
		find_interpreter(path, err, &f);
	if (err == EACCES && !f.text[0] && statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOEXEC))
		snprintf(f.text, sizeof(f.text), "it is on a file system mounted noexec");
	if (err == E2BIG)
		snprintf(f.text, sizeof(f.text),
			 "process.args and process.env together are too large for the kernel");
	errno = err;
	if (f.text[0])
		return error_exec(e, "exec: \"%s\": %s", argv0, f.text);
	return error_exec(e, "exec: \"%s\"", argv0);
}

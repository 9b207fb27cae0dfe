/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define WORDS_MAX    1024

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *program_find(const char *name)
{
	const char *path = getenv("PATH");
	cleanup_free char *copy = xstrdup(path && *path ? path : PATH_DEFAULT);
	char *rest = copy, *dir;

	while ((dir = strsep(&rest, ":"))) {
		cleanup_free char *file = NULL;

		if (dir[0] != '/')
			continue;
		file = xasprintf("%s/%s", dir, name);
		if (is_program(file))
			return steal_ptr(&file);
	}
	return NULL;
}

void program_done(struct program *p)
{
	if (p->go >= 0)
		process_done(&p->process);
	else
		process_release(&p->process);
	fd_close_at(&p->go);
	fd_close_at(&p->out);
	fd_close_at(&p->err);
	*p = PROGRAM_INIT;
}

/* None of them below 3: the child puts its stdio there. */
static int high_fd(int fd)
{
	int high = fd;

	if (fd >= 0 && fd < 3) {
		high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
	}
	return high;
}

/* Its size is fixed: more than that is not written. */
static int words_file(void)
{
	cleanup_close int fd = high_fd(memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	if (fd < 0 || ftruncate(fd, WORDS_MAX) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0)
		return -1;
	return steal_fd(&fd);
}

struct stdio {
	int go[2], out[2], null, err;
};

static void stdio_done(struct stdio *s)
{
	for (int i = 0; i < 2; i++) {
		fd_close_at(&s->go[i]);
		fd_close_at(&s->out[i]);
	}
	fd_close_at(&s->null);
	fd_close_at(&s->err);
}

static int stdio_make(struct stdio *s, struct error *e)
{
	if (pipe2(s->go, O_CLOEXEC) < 0 || pipe2(s->out, O_CLOEXEC) < 0)
		return error_errno(e, "pipe");
	for (int i = 0; i < 2; i++) {
		s->go[i] = high_fd(s->go[i]);
		s->out[i] = high_fd(s->out[i]);
	}
	s->null = high_fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
	s->err = words_file();
	if (s->go[0] < 0 || s->go[1] < 0 || s->out[0] < 0 || s->out[1] < 0 || s->null < 0 ||
	    s->err < 0)
		return error_errno(e, "make the stdio of a program");
	return 0;
}

/* execve takes them from whoever is not the namespace's root, unless they are ambient. */
static int keep_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		data[i].inheritable = data[i].permitted;
	if (syscall(SYS_capset, &head, data) < 0)
		return -1;
	for (unsigned long i = 0; i < 64; i++)
		if (data[i / 32].permitted & (1U << i % 32) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -1;
	return 0;
}

/* In the child: only system calls. Both are opened before the user namespace is another. */
static int take_place(const struct program_place *place, int null)
{
	int userns = place->userns ? open(place->userns, O_RDONLY | O_CLOEXEC) : -1;
	int in = place->in ? open(place->in, O_RDONLY | O_CLOEXEC) : null;

	if (in < 0 || dup2(in, 0) < 0 || (place->userns && userns < 0))
		return -1;
	return userns < 0 ? 0 : setns(userns, CLONE_NEWUSER) < 0 ? -1 : keep_capabilities();
}

/* In the child: only system calls. */
static __attribute__((noreturn)) void become(const char *path, char *const argv[],
					     const struct program_place *place,
					     const struct stdio *s)
{
	static const char no_place[] = "namespaces refused", refused[] = "execve refused";
	static char *const env[] = { "PATH=" PATH_DEFAULT, "LC_ALL=C", NULL };
	sigset_t none;
	char go;

	close(s->go[1]); /* or it would wait for itself */
	if (read(s->go[0], &go, 1) != 1)
		_exit(126);
	process_signals_default();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, 0);
	setsid();
	if (chdir("/") < 0 || dup2(s->out[1], 1) < 0 || dup2(s->err, 2) < 0)
		_exit(126);
	if (take_place(place, s->null) < 0) {
		if (write(2, no_place, sizeof(no_place) - 1) < 0)
			_exit(126);
		_exit(127);
	}
	if (fds_cloexec_from(3, NULL) < 0)
		_exit(126);
	execve(path, argv, env);
	if (write(2, refused, sizeof(refused) - 1) < 0)
		_exit(126);
	_exit(127);
}

int program_spawn(const char *path, char *const argv[], const struct program_place *place,
		  struct program *ret, struct error *e)
{
	static const struct program_place nowhere;
	cleanup(stdio_done) struct stdio s = { { -1, -1 }, { -1, -1 }, -1, -1 };
	struct program p = PROGRAM_INIT;

	if (stdio_make(&s, e) < 0)
		return -1;
	p.process.pid = process_clone(0, -1, &p.process.pidfd);
	if (p.process.pid < 0)
		return error_errno(e, "start \"%s\"", path);
	if (p.process.pid == 0)
		become(path, argv, place ? place : &nowhere, &s);
	p.go = steal_fd(&s.go[1]);
	p.out = steal_fd(&s.out[0]);
	p.err = steal_fd(&s.err);
	*ret = p;
	return 0;
}

int program_go(struct program *p, struct error *e)
{
	cleanup_close int go = steal_fd(&p->go);

	return write(go, "", 1) == 1 ? 0 : error_errno(e, "let a program go");
}

void program_put_words(struct strbuf *out, const char *s)
{
	static const int codes[] = { EPERM, EACCES, ENOENT };
	size_t len = strlen(s);

	while (len && (s[len - 1] == '\n' || s[len - 1] == ' '))
		len--;
	for (const char *end = s + len; s < end;) {
		size_t i = 0;

		while (i < ARRAY_SIZE(codes) &&
		       strncasecmp(s, strerror(codes[i]), strlen(strerror(codes[i]))) != 0)
			i++;
		if (i < ARRAY_SIZE(codes)) {
			strbuf_puts(out, error_words(codes[i]));
			s += strlen(strerror(codes[i]));
		} else {
			bool control = (unsigned char)*s < ' ' || *s == 0x7f;

			strbuf_add(out, control ? " " : s, 1);
			s++;
		}
	}
}

char *program_words(const struct program *p)
{
	cleanup_strbuf struct strbuf out = { 0 };
	char text[WORDS_MAX + 1];
	ssize_t n = pread(p->err, text, WORDS_MAX, 0);

	text[n < 0 ? 0 : n] = '\0';
	program_put_words(&out, text);
	return out.s ? steal_ptr(&out.s) : xstrdup("");
}

int program_run(const char *path, char *const argv[], int timeout_ms, struct error *e)
{
	cleanup_program struct program p = PROGRAM_INIT;
	cleanup_free char *words = NULL;
	int status = 0, n;

	if (program_spawn(path, argv, NULL, &p, e) < 0 || program_go(&p, e) < 0)
		return -1;
	n = process_wait(&p.process, timeout_ms, &status, e);
	if (n < 0)
		return -1;
	if (n == 0) {
		process_done(&p.process);
		return error_set(e, ETIMEDOUT, "%s: no end within %d s", argv[0],
				 timeout_ms / 1000);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	words = program_words(&p);
	if (WIFSIGNALED(status))
		return error_set(e, ERR_GENERIC, "%s: ended by signal %d%s%s", argv[0],
				 WTERMSIG(status), *words ? ": " : "", words);
	/* Many begin their words with their name. */
	return error_set(e, ERR_GENERIC, "%s: %s", argv[0],
			 *words ? words + (str_has_prefix(words, argv[0]) ?
						   strlen(argv[0]) +
							   strspn(words + strlen(argv[0]), ": ") :
						   0)
				: "refused");
}

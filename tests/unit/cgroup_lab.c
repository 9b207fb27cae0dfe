/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tests/unit/cgroup_lab.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/cgroup_lab.h"

/* Fails with exactly MESSAGE; "%" in it stands for anything that follows. */
void lab_failed(int result, const struct error *e, int code, const char *message)
{
	assert_int_equal(result, -1);
	if (strncmp(e->msg, message, strcspn(message, "%")) != 0 ||
	    (!strchr(message, '%') && strcmp(e->msg, message) != 0))
		fail_msg("\"%s\" is not \"%s\"", e->msg, message);
	assert_int_equal(e->code, code);
}

void lab_use(struct cgroup_lab *f, const char *json)
{
	oci_resources_done(&f->r);
	f->r = (struct oci_resources){ 0 };
	works(oci_resources_parse(json, strlen(json), "t", &f->r, err));
	f->lin.resources = &f->r;
}

int lab_setup(void **state)
{
	struct cgroup_lab *f = xcalloc(1, sizeof(*f));
	const char *tag = getenv("NSRUN_TEST_TAG");
	ERROR_INIT(e);

	/* The pid alone is not unique: the suite runs in pid namespaces. By the tag tests/census
	 * knows whose it is. */
	snprintf(f->top, sizeof(f->top), "/nsrun-unit-%lld-t%d-%.8s", (long long)cgroup_now_ms(),
		 (int)getpid(), tag ? tag : "00000000");
	snprintf(f->path, sizeof(f->path), "%s/a", f->top);
	f->lin.cgroupsPath = f->path;
	f->config.linux_ = &f->lin;
	f->c = CGROUP_INIT;
	*state = f;
	return cgroup_layout_detect(&f->layout, &e);
}

int lab_teardown(void **state)
{
	struct cgroup_lab *f = *state;
	ERROR_INIT(e);
	int r;

	cgroup_kill(&f->c, SIGKILL, 0, &e);
	r = cgroup_remove(&f->c, &e);
	if (r < 0)
		print_error("%s\n", e.msg);
	cgroup_done(&f->c);
	oci_resources_done(&f->r);
	free(f);
	return r;
}

void lab_plan(struct cgroup_lab *f)
{
	cgroup_done(&f->c);
	works(cgroup_plan(CGROUP_CGROUPFS, &f->config, "c", &f->c, err));
}

/* A child that sleeps until it is killed. */
pid_t lab_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

/* Reaps PID and returns the signal that it died of. */
int lab_reap(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

void lab_up(struct cgroup_lab *f, pid_t pid)
{
	lab_plan(f);
	works(cgroup_prepare(&f->c, f->lin.resources, err));
	works(cgroup_attach(&f->c, f->lin.resources, pid, false, err));
}

bool lab_there(const struct cgroup_dir *d, const char *path)
{
	cleanup_free char *p = xasprintf("%s%s", d->mount, path);

	return access(p, F_OK) == 0;
}

/* The text of FILE in the directory that has it. */
static char *text_of(const struct cgroup *c, const char *file)
{
	for (size_t i = 0; i < c->n_dirs; i++) {
		cleanup_free char *dir = xasprintf("%s%s", c->dirs[i].mount, c->dirs[i].path);
		cleanup_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		char *text = NULL;

		if (fd >= 0 && cgroup_file_read(fd, file, &text, NULL) == 0)
			return text;
	}
	fail_msg("there is no %s", file);
	return NULL;
}

void lab_says(const struct cgroup *c, const char *file, const char *text)
{
	cleanup_free char *now = text_of(c, file);

	assert_string_equal(now, text);
}

void lab_down(struct cgroup_lab *f)
{
	works(cgroup_remove(&f->c, err));
	for (size_t i = 0; i < f->c.n_dirs; i++) {
		assert_false(lab_there(&f->c.dirs[i], f->path));
		assert_false(lab_there(&f->c.dirs[i], f->top));
	}
	works(cgroup_remove(&f->c, err)); /* idempotent */
}

/* From here on openat2 is a system call that does not exist. */
static int refuse_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* A mount namespace of our own in which /sys/fs/cgroup is cgroup2. A bind, as the options of a new
 * cgroup2 mount would become those of the host's. */
static int enter_v2_view(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("/sys/fs/cgroup/unified", "/sys/fs/cgroup", NULL, MS_BIND, NULL);
}

static int in_child(const char *name, int (*enter)(void), int (*tests)(const char *))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		if (enter && enter() < 0) {
			fprintf(stderr, "%s: skipped: %s\n", name, strerror(errno));
			exit(0);
		}
		exit(tests(name) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	return status != 0;
}

bool lab_is_v2(void)
{
	enum cgroup_layout layout;

	return cgroup_layout_detect(&layout, NULL) == 0 && layout == CGROUP_V2;
}

int lab_cgroup_views(int (*tests)(const char *name), int (*few)(const char *name))
{
	enum cgroup_layout layout;
	int bad;
	ERROR_INIT(e);

	if (geteuid() != 0 || cgroup_layout_detect(&layout, &e) < 0 || layout == CGROUP_NONE) {
		fprintf(stderr, "needs root and cgroups\n");
		return 77;
	}
	bad = in_child("host", NULL, tests);
	if (layout == CGROUP_HYBRID)
		bad += in_child("v2", enter_v2_view, tests);
	if (few)
		bad += in_child("no openat2", refuse_openat2, few);
	return bad != 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of runtime/cgroup share that make real cgroups. Needs root. All cgroups have a
 * unique name and are removed; processes are its own children.
 */
#ifndef TESTS_UNIT_CGROUP_LAB_H
#define TESTS_UNIT_CGROUP_LAB_H

#include "runtime/cgroup_impl.h"

/* What a test works on. One group of tests shares it. */
struct cgroup_lab {
	char top[64];  /* "/nsrun-unit-TIME-tPID-TAG": the parent of all */
	char path[96]; /* "/nsrun-unit-PID/a" */
	enum cgroup_layout layout;
	struct oci_linux lin;
	struct oci_config config;
	struct oci_resources r;
	struct cgroup c;
};

/* Fails the test unless CALL, which has "err" for its struct error *, succeeds. */
#define works(call)                                                                                \
	do {                                                                                       \
		ERROR_INIT(ok_e);                                                                  \
		struct error *err = &ok_e;                                                         \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s", #call, ok_e.msg);                                       \
	} while (0)

/* Fails unless RESULT is -1 with CODE and exactly MESSAGE; "%" in it stands for anything that
 * follows. */
void lab_failed(int result, const struct error *e, int code, const char *message);

/* cmocka's: a fresh struct cgroup_lab in *STATE; kills and removes what is in its cgroup. */
int lab_setup(void **state);
int lab_teardown(void **state);
#define LAB_TEST(t) cmocka_unit_test_setup_teardown(t, lab_setup, lab_teardown)

/* Sets the resources of the container. */
void lab_use(struct cgroup_lab *f, const char *json);
/* Plans the cgroup; or plans, prepares and puts PID into it. */
void lab_plan(struct cgroup_lab *f);
void lab_up(struct cgroup_lab *f, pid_t pid);
/* Removes it; nothing is left. */
void lab_down(struct cgroup_lab *f);
/* A child that sleeps until it is killed. */
pid_t lab_sleeper(void);
/* Reaps PID and returns the signal that it died of, or -1. */
int lab_reap(pid_t pid);
/* True if PATH is there below the mount of D. */
bool lab_there(const struct cgroup_dir *d, const char *path);
/* Fails unless FILE, in whichever hierarchy has it, says TEXT. */
void lab_says(const struct cgroup *c, const char *file, const char *text);

/* Runs TESTS in the host's hierarchies and in a mount namespace where /sys/fs/cgroup is cgroup2
 * alone, and FEW (or NULL) where openat2 does not exist. Returns main's exit status: 77, skipped,
 * without root. */
/* True where the view that we are in is pure v2. */
bool lab_is_v2(void);
int lab_cgroup_views(int (*tests)(const char *name), int (*few)(const char *name));

#endif

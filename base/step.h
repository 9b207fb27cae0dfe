/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stories told in steps. (Idea 4 of 5; the teardown list beside it is runtime/teardown.c.)
 *
 *	if (step(e, "reserve id", record_reserve(...)) < 0 ||
 *	    step(e, "prepare cgroup", cgroup_prepare(...)) < 0)
 *		return -1;
 *
 * A step's name is logged when it begins, and put before its error when it fails. The list of steps
 * is at once the story, the trace, the context of errors and the test plan: in the test build
 * (step.c compiled with STEP_FAULTS) the variable NSRUN_FAULT="NAME" makes the step of that name
 * fail after it was done, and "NAME=kill" has the process SIGKILL itself there; "list" prints each
 * step's name to stderr as it ends.
 */
#ifndef BASE_STEP_H
#define BASE_STEP_H

#include "base/error.h"

#define step(e, name, call) (step_begin(name), step_end((e), (name), (call)))

/* A step whose error brings its own context, from the other side that it waits for or because it
 * says all by itself: no name is put before it. */
#define step_await(e, name, call) (step_begin(name), step_end_await((e), (name), (call)))

void step_begin(const char *name);
/* RESULT is what the step returned; passes it on, or -1. */
int step_end(struct error *e, const char *name, int result);
int step_end_await(struct error *e, const char *name, int result);

#endif

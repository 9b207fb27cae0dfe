/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/step.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

void step_begin(const char *name)
{
	log_debug("%s", name);
}

#ifdef STEP_FAULTS
static int fault_point(struct error *e, const char *name)
{
	const char *fault = getenv("NSRUN_FAULT");
	size_t n = strlen(name);

	if (!fault)
		return 0;
	if (strcmp(fault, "list") == 0)
		dprintf(STDERR_FILENO, "step: %s\n", name);
	if (strncmp(fault, name, n) != 0)
		return 0;
	if (strcmp(fault + n, "=kill") == 0) {
		kill(getpid(), SIGKILL);
		_exit(137); /* the kernel spares the init of a pid namespace its own SIGKILL */
	}
	if (fault[n] == '\0')
		return error_set(e, ERR_GENERIC, "fault injected");
	return 0;
}
#else
static int fault_point(struct error *e, const char *name)
{
	(void)e;
	(void)name;
	return 0;
}
#endif

int step_end_await(struct error *e, const char *name, int result)
{
	return result >= 0 && fault_point(e, name) < 0 ? -1 : result;
}

int step_end(struct error *e, const char *name, int result)
{
	result = step_end_await(e, name, result);
	return result < 0 ? error_wrap(e, "%s", name) : result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls a built-in plugin as a runtime would: environment, stdin, stdout, exit status. */
#ifndef TESTS_UNIT_CNI_LAB_H
#define TESTS_UNIT_CNI_LAB_H

/* ENVIRONMENT: "CNI_COMMAND=ADD CNI_IFNAME=eth0", all that there is. *RET_OUT: its stdout, the
 * caller frees. Returns the exit status, or 128 + the signal that ended it. */
int cni_lab_call(const char *type, const char *environment, const char *input, char **ret_out);
/* The same, and the test fails unless the status is 0; returns stdout. */
char *cni_lab_ok(const char *type, const char *environment, const char *input);
/* The test fails unless it is an error object with this code whose text holds WORDS. */
void cni_lab_fails(const char *type, const char *environment, const char *input, int code,
		   const char *words);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests/analyze lets the analysers see, before each file: that a failure is always -1, so that
 * nothing is looked at behind it; that a step returns what its call returned; and that allocation
 * never fails.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/step.h"

#define error_set(...) (error_set(__VA_ARGS__), -1)
#define error_errno(...) (error_errno(__VA_ARGS__), -1)
#define error_exec(...) (error_exec(__VA_ARGS__), -1)
#define error_wrap(...) (error_wrap(__VA_ARGS__), -1)
#define error_hint(...) (error_hint(__VA_ARGS__), -1)
#undef step
#define step(e, name, call) (step_begin(name), (call))

void *xcalloc(size_t n, size_t size) __attribute__((returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((returns_nonnull));

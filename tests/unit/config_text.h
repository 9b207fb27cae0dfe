/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Config texts for unit tests: fragments with a minimal config around them. */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include <string.h>

#include "oci/config.h"

#define CONFIG(rest) "{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"rootfs\"}" rest "}"
#define TOP(s) CONFIG(", " s)
#define PROCESS(s) TOP("\"process\": {\"cwd\": \"/\", " s "}")
#define LINUX(s) TOP("\"linux\": {" s "}")
#define RESOURCES(s) LINUX("\"resources\": {" s "}")
#define SECCOMP(s) LINUX("\"seccomp\": {" s "}")
#define NAMESPACES(s) "\"namespaces\": [" s "]"
#define NS(t) "{\"type\": \"" t "\"}"
#define MAP(c, h, n) "{\"containerID\": " #c ", \"hostID\": " #h ", \"size\": " #n "}"

static inline int parse(const char *text, struct oci_config *c, struct error *e)
{
	return oci_config_parse(text, strlen(text), "config.json", c, e);
}

/* The config of TEXT, which must be accepted. The caller: oci_config_done(). */
static inline struct oci_config good(const char *text)
{
	struct oci_config c = { 0 };
	ERROR_INIT(e);

	if (parse(text, &c, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return c;
}

#endif

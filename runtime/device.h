/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device nodes and links in the container's /dev.
 */
#ifndef RUNTIME_DEVICE_H
#define RUNTIME_DEVICE_H

#include "base/error.h"
#include "runtime/rootfs.h"

/* The default devices, linux.devices, and the default links. Does nothing if the config binds
 * the host's /dev. */
int devices_make(struct rootfs *r, struct error *e);
/* Binds the terminal PTY_FD over /dev/console, which is made if missing. */
int device_bind_console(struct rootfs *r, int pty_fd, struct error *e);
/* True if each container has the device PATH ("/dev/null"). */
bool device_is_default(const char *path);
/* True if FD is a character device MAJOR:MINOR. Both halves matter: an image's plain file called
 * null is not the null device. */
bool device_is_char(int fd, unsigned int major, unsigned int minor);

#endif

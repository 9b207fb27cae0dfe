/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a pseudo-terminal in the container, and handing it over. See terminal_serve.c for the
 * attached side.
 *
 * /dev is the image's, and with `exec -t` its processes run while we open: nothing found there is
 * believed. The directory /dev/pts must be of a devpts file system (in which nobody but the kernel
 * makes nodes), ptmx must be the character device 5:2, and the peer is not opened by name at all,
 * but by TIOCGPTPEER (Linux 4.13), and must be on a devpts again. Peers were lured into other
 * devices here (CVE-2025-52565). /dev/ptmx is not tried: for a node outside of a devpts the kernel
 * itself goes by the directory "pts" beside it.
 */
#include "runtime/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static bool is_devpts(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == DEVPTS_SUPER_MAGIC;
}

static bool is_ptmx(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2);
}

/* UNIX98 ptys have the majors 136..143. */
static bool is_peer(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) >= 136 &&
	       major(st.st_rdev) <= 143 && is_devpts(fd);
}

/* -1 with errno; ENXIO: something else is there. */
static int open_ptmx(void)
{
	cleanup_close int dir = open("/dev/pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int fd = -1;

	if (dir < 0)
		return -1;
	if (!is_devpts(dir)) {
		errno = ENXIO;
		return -1;
	}
	/* Something may be mounted over it: O_NONBLOCK, and a look at what was opened. */
	fd = openat(dir, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (!is_ptmx(fd)) {
		errno = ENXIO;
		return -1;
	}
	return steal_fd(&fd);
}

static int open_master(struct error *e)
{
	cleanup_close int fd = open_ptmx();
	int flags;

	if (fd < 0) {
		if (errno == ENXIO)
			return error_set(e, ENXIO,
					 "open a terminal: the container's /dev/pts/ptmx is not "
					 "the kernel's");
		error_errno(e, "open a terminal: the container's /dev/pts/ptmx");
		return error_hint(e, "process.terminal needs a mount of type devpts at /dev/pts");
	}
	flags = fcntl(fd, F_GETFL); /* an engine's copier expects a blocking one */
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return error_errno(e, "open a terminal: fcntl");
	return steal_fd(&fd);
}

static int set_size(int master, const struct oci_box *size, struct error *e)
{
	struct winsize ws = { 0 };

	if (!size || (size->height == 0 && size->width == 0))
		return 0;
	if (size->height > UINT16_MAX || size->width > UINT16_MAX)
		return error_set(e, ERR_INPUT, "process.consoleSize: %llu x %llu is above 65535",
				 (unsigned long long)size->height, (unsigned long long)size->width);
	ws.ws_row = (unsigned short)size->height;
	ws.ws_col = (unsigned short)size->width;
	return ioctl(master, TIOCSWINSZ, &ws) < 0
		       ? error_errno(e, "process.consoleSize: set the terminal's size")
		       : 0;
}

/* Without this each "\n" of the container would reach logs and pipes as "\r\n"; an attached
 * terminal adds its own CR. */
static int clear_onlcr(int master, struct error *e)
{
	struct termios t;

	if (tcgetattr(master, &t) < 0)
		return error_errno(e, "read the terminal's settings");
	t.c_oflag &= ~(tcflag_t)ONLCR;
	return tcsetattr(master, TCSANOW, &t) < 0 ? error_errno(e, "change the terminal's settings")
						  : 0;
}

int terminal_open(const struct oci_box *size, int *ret_master, int *ret_peer, struct error *e)
{
	cleanup_close int master = -1, peer = -1;
	int locked = 0;

	master = open_master(e);
	if (master < 0)
		return -1;
	if (ioctl(master, TIOCSPTLCK, &locked) < 0)
		return error_errno(e, "unlock the terminal");
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return error_errno(e, "open the terminal's peer");
	if (!is_peer(peer))
		return error_set(e, ENXIO, "open the terminal's peer: it is not on a devpts");
	if (clear_onlcr(master, e) < 0 || set_size(master, size, e) < 0)
		return -1;
	*ret_master = steal_fd(&master);
	*ret_peer = steal_fd(&peer);
	return 0;
}

int terminal_attach(int peer, uid_t uid, struct error *e)
{
	/* Refused where the uid is not mapped or the mount is read-only: the session works
	 * without. */
	if (fchown(peer, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL && errno != EROFS)
		return error_errno(e, "give the terminal to user %u", (unsigned int)uid);
	if (ioctl(peer, TIOCSCTTY, 0) < 0)
		return error_errno(e, "make the terminal the controlling one");
	for (int fd = 0; fd <= 2; fd++) {
		if (fd == peer) { /* dup2 onto itself would leave it close-on-exec */
			if (fcntl(fd, F_SETFD, 0) < 0)
				return error_errno(e, "make the terminal descriptor %d", fd);
		} else if (dup2(peer, fd) < 0) {
			return error_errno(e, "make the terminal descriptor %d", fd);
		}
	}
	return 0;
}

int terminal_send(int socket_fd, int master, struct error *e)
{
	unsigned int number;
	char name[32];

	if (ioctl(master, TIOCGPTN, &number) < 0)
		return error_errno(e, "ask for the terminal's number");
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	if (fd_send(socket_fd, name, strlen(name), &master, 1, e) < 0)
		return error_wrap(e, "hand the terminal to the console socket");
	return 0;
}

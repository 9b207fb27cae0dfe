/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/attack: what somebody in a container would try against the runtime, and looks at what it
 * was given. Linked statically, so that tests/integration/security.bats can copy it into any root
 * file system; a few of its tricks run on the host.
 *
 *	attack binary PID       every way to write to /proc/PID/exe (CVE-2019-5736)
 *	attack hold PID SECONDS holds on to that binary until nobody runs it any more, then does as
 *	                        "binary" with it
 *	attack watch SECONDS    waits in /proc for a program that is neither this one nor
 *	                        busybox, and does as "hold" with it
 *	attack trace PID        ptrace, its memory, its descriptors
 *	attack fds              descriptors above stdio, "N TARGET" a line
 *	attack swap A B SECONDS exchanges two names without pause
 *	attack packets SOCKET   garbage for a SOCK_SEQPACKET listener: other types, sizes,
 *	                        descriptors
 *	attack calls NR...      makes system calls by number, without arguments: "NR: ERRNO" each
 *	attack keys             the session keyring's description
 *	attack flood BYTES      writes that much to stdout, then ends
 *	attack notify TEXT...   each TEXT a message to $NOTIFY_SOCKET, as sd_notify(3) does
 *	attack hear SOCKET      the other end of that: prints each line of each message, and closes
 *	                        the descriptors that come along
 *	attack mute DIR         mounts a FUSE file system there, takes what is asked, and answers
 *	                        nothing
 *
 * binary, hold, watch and trace print "WAY: ERRNO" for each way. What succeeds is "WAY: DONE" and
 * makes the exit status 1. While a program runs nobody can write to it (ETXTBSY), which protects
 * nothing: hence hold.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 4
#endif

#define BIND_TARGET "/dev/attack.target" /* a root may be read-only, /dev is a tmpfs */

static int successes;

static bool tell(const char *way, bool done)
{
	printf("%s: %s\n", way, done ? "DONE" : strerrorname_np(errno));
	fflush(stdout);
	successes += done;
	return done;
}

static void try_open(const char *way, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	tell(way, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static bool try_clear(const char *way, int fd)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	return tell(way,
		    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0);
}

/* A mount of one's own, of the same binary: its flags would be one's own to change. */
static void try_clone(int fd)
{
	int tree = (int)syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | O_CLOEXEC);
	char path[64];

	if (tree < 0) {
		tell("open_tree", false);
		return;
	}
	printf("open_tree: a clone\n");
	try_clear("clear read-only of the clone", tree);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", tree);
	try_open("write through the clone", path, O_WRONLY);
	close(tree);
}

static void try_bind(const char *path)
{
	int fd = open(BIND_TARGET, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	if (mount(path, BIND_TARGET, NULL, MS_BIND, NULL) < 0) {
		tell("bind", false);
		return;
	}
	printf("bind: a mount\n");
	tell("remount the bind", mount(NULL, BIND_TARGET, NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
	try_open("write through the bind", BIND_TARGET, O_WRONLY);
	umount2(BIND_TARGET, MNT_DETACH);
}

/* FD: of the binary. PATH: a magic link to it. */
static void try_all(int fd, const char *path)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	int tree;

	try_open("open for writing", path, O_WRONLY);
	try_open("open for reading and writing", path, O_RDWR);
	try_open("open and truncate", path, O_WRONLY | O_TRUNC);
	try_open("append", path, O_WRONLY | O_APPEND);
	tell("truncate", truncate(path, 0) == 0);
	tell("chmod", chmod(path, 0777) == 0);
	tell("utimensat", utimensat(AT_FDCWD, path, times, 0) == 0);
	try_clear("clear read-only by descriptor", fd);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, O_CLOEXEC);
	tell("clear read-only by path",
	     tree >= 0 && try_clear("clear read-only by open_tree", tree));
	if (tree >= 0)
		close(tree);
	tell("remount", mount(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL) == 0);
	tell("move",
	     syscall(SYS_move_mount, fd, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	try_clone(fd);
	try_bind(path);
	try_open("open for writing once more", path, O_WRONLY);
}

static int attack_binary(const char *pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		return 2;
	}
	try_all(fd, path);
	return successes > 0;
}

static bool same_file(const struct stat *a, const char *path)
{
	struct stat b;

	return stat(path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/* The binary of a process that is not of this root, or -1. */
static int catch_one(const char *pid)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.15s/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !same_file(&st, "/proc/self/exe") &&
	    !same_file(&st, "/bin/busybox"))
		return fd;
	close(fd);
	return -1;
}

/* FD: of the binary. Waits until nobody runs it. */
static int attack_later(int fd, time_t end)
{
	char path[64];
	int writable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	while ((writable = open(path, O_WRONLY | O_CLOEXEC)) < 0 && errno == ETXTBSY &&
	       time(NULL) < end)
		usleep(1000);
	if (writable >= 0)
		close(writable);
	try_all(fd, path);
	return successes > 0;
}

static int attack_hold(const char *pid, const char *seconds)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		return 2;
	}
	printf("caught\n");
	fflush(stdout);
	return attack_later(fd, time(NULL) + atol(seconds));
}

static int attack_watch(const char *seconds)
{
	const time_t end = time(NULL) + atol(seconds);
	int fd = -1;

	printf("watching\n");
	fflush(stdout);
	while (fd < 0 && time(NULL) < end) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		while (proc && fd < 0 && (entry = readdir(proc)))
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
				fd = catch_one(entry->d_name);
		if (proc)
			closedir(proc);
	}
	if (fd < 0)
		return 3;
	printf("caught\n");
	fflush(stdout);
	return attack_later(fd, end);
}

static int attack_trace(const char *pid)
{
	char path[64];
	int fd;

	tell("ptrace", ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL) == 0);
	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	try_open("memory", path, O_RDWR);
	snprintf(path, sizeof(path), "/proc/%s/fd/0", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	tell("descriptors", fd >= 0);
	fd = (int)syscall(SYS_pidfd_open, atoi(pid), 0);
	tell("pidfd_getfd", syscall(SYS_pidfd_getfd, fd, 0, 0) >= 0);
	return successes > 0;
}

static int show_fds(void)
{
	for (int fd = 3; fd < 4096; fd++) {
		char path[32], target[PATH_MAX];
		ssize_t n;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target));
		printf("%d %.*s\n", fd, n < 0 ? 0 : (int)n, target);
	}
	return 0;
}

static int swap(const char *a, const char *b, const char *seconds)
{
	const time_t end = time(NULL) + atol(seconds);
	long n = 0;

	while (time(NULL) < end)
		n += renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
	printf("%ld\n", n);
	return n == 0;
}

static void packet(const char *path, const void *data, size_t len, int n_fds)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr h;
		char b[CMSG_SPACE(sizeof(int) * 64)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (n_fds > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds);
		control.h.cmsg_level = SOL_SOCKET;
		control.h.cmsg_type = SCM_RIGHTS;
		control.h.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
		memset(CMSG_DATA(&control.h), 0,
		       sizeof(int) * (size_t)n_fds); /* stdin, so many times */
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static int packets(const char *path)
{
	static char big[100000];
	unsigned int head[2] = { 0, 0x7fffffff };

	memset(big, 0xff, sizeof(big));
	for (unsigned int type = 0; type < 32; type++) {
		head[0] = type;
		if (type != 9) /* START with a strange value would still be START */
			packet(path, head, sizeof(head), 0);
	}
	for (size_t len = 1; len <= sizeof(big); len = len * 3 + 1)
		packet(path, big, len, 0);
	packet(path, big, sizeof(head), 64);
	head[0] = 11; /* ERROR, its text without an end */
	memcpy(big, head, sizeof(head));
	packet(path, big, 3000, 1);
	return 0;
}

static int show_keys(void)
{
	char text[256] = "";

	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text)) <
	    0) {
		perror("keyctl");
		return 1;
	}
	printf("%s\n", text);
	return 0;
}

static int flood(const char *bytes)
{
	static char data[4096];
	long left = atol(bytes);

	memset(data, 'x', sizeof(data));
	while (left > 0) {
		ssize_t n = write(STDOUT_FILENO, data, sizeof(data));

		if (n < 0)
			return 1;
		left -= n;
	}
	return 0;
}

static int datagram_socket(const char *path, struct sockaddr_un *sa)
{
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(sa->sun_path, sizeof(sa->sun_path), "%s", path ? path : "");
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static int notify(char **texts)
{
	struct sockaddr_un sa;
	int fd = datagram_socket(getenv("NOTIFY_SOCKET"), &sa);

	for (; *texts; texts++)
		if (sendto(fd, *texts, strlen(*texts), 0, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
			printf("notify: %s\n", strerror(errno));
			return 1;
		}
	return 0;
}

static int hear(const char *path)
{
	struct sockaddr_un sa;
	char text[4096];
	int fd = datagram_socket(path, &sa);
	ssize_t n;

	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return 1;
	/* A descriptor that nobody has room for is closed by the kernel. */
	while ((n = recv(fd, text, sizeof(text), 0)) >= 0) {
		printf("%.*s\n", (int)n, text);
		fflush(stdout);
	}
	return 1;
}

/* fuse(4): the first request, INIT, has its answer, or the others would not come. */
static int mute(const char *dir)
{
	static char buf[FUSE_MIN_READ_BUFFER + (1 << 17)];
	struct {
		struct fuse_out_header head;
		struct fuse_init_out init;
	} answer = { .head = { .len = sizeof(answer) },
		     .init = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096 } };
	int fd = open("/dev/fuse", O_RDWR);
	char options[80];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fd);
	if (fd < 0 || mount("mute", dir, "fuse", 0, options) < 0) {
		perror("fuse");
		return 1;
	}
	for (int i = 0;; i++) {
		const struct fuse_in_header *in = (const void *)buf;

		if (read(fd, buf, sizeof(buf)) < 0)
			return 1;
		answer.head.unique = in->unique;
		if (i == 0 && write(fd, &answer, sizeof(answer)) < 0)
			return 1;
		printf("asked %u\n", in->opcode);
		fflush(stdout);
	}
}

static int calls(char **numbers)
{
	for (; *numbers; numbers++) {
		long result = syscall(atol(*numbers), 0, 0, 0, 0, 0, 0);

		printf("%s: %s\n", *numbers, result < 0 ? strerrorname_np(errno) : "0");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "binary") == 0 && argc == 3)
		return attack_binary(argv[2]);
	if (strcmp(what, "hold") == 0 && argc == 4)
		return attack_hold(argv[2], argv[3]);
	if (strcmp(what, "watch") == 0 && argc == 3)
		return attack_watch(argv[2]);
	if (strcmp(what, "trace") == 0 && argc == 3)
		return attack_trace(argv[2]);
	if (strcmp(what, "fds") == 0)
		return show_fds();
	if (strcmp(what, "swap") == 0 && argc == 5)
		return swap(argv[2], argv[3], argv[4]);
	if (strcmp(what, "packets") == 0 && argc == 3)
		return packets(argv[2]);
	if (strcmp(what, "calls") == 0)
		return calls(argv + 2);
	if (strcmp(what, "keys") == 0)
		return show_keys();
	if (strcmp(what, "flood") == 0 && argc == 3)
		return flood(argv[2]);
	if (strcmp(what, "notify") == 0)
		return notify(argv + 2);
	if (strcmp(what, "hear") == 0 && argc == 3)
		return hear(argv[2]);
	if (strcmp(what, "mute") == 0 && argc == 3)
		return mute(argv[2]);
	fprintf(stderr, "attack: see the head of tests/attack.c\n");
	return 2;
}

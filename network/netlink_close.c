/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the last reference to a NETLINK_NETFILTER socket goes, the kernel (6.18: nft_rcv_nl_event())
 * first waits until what anybody has deleted from nftables in this network namespace is freed,
 * which takes an RCU grace period, and keeps other transactions out meanwhile. So then a child is
 * born that holds a reference, leaves all else, sleeps that time and exits. It has no exit signal,
 * so that no other wait of ours can meet it. It shares our memory (which spares the copy, and us a
 * page fault for each page that we write to afterwards), so it makes system calls and nothing else.
 *
 * Whether somebody has deleted just now: the child of one who has holds an abstract unix address,
 * which is a thing of the network namespace too. (Who takes it from us costs us a child each time.)
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netlink.h"

struct holder {
	unsigned int fds[2]; /* ascending */
	char stack[4096] __attribute__((aligned(16)));
};

static int hold(void *arg)
{
	const struct timespec grace_period = { .tv_nsec = 30000000 };
	const unsigned int *fds = ((struct holder *)arg)->fds;

	if (syscall(SYS_close_range, fds[1] + 1, ~0U, 0) < 0 ||
	    (fds[1] > fds[0] + 1 && syscall(SYS_close_range, fds[0] + 1, fds[1] - 1, 0) < 0) ||
	    (fds[0] > 0 && syscall(SYS_close_range, 0, fds[0] - 1, 0) < 0))
		return 0; /* Linux before 5.9: then it is us who wait */
	syscall(SYS_chdir, "/");
	syscall(SYS_nanosleep, &grace_period, NULL);
	return 0;
}

void netlink_close_aside(int *fd, bool deleted)
{
	static const struct sockaddr_un mark = { .sun_family = AF_UNIX,
						 .sun_path = "\0nsrun/nftables" };
	cleanup_close int sock = -1;
	struct holder *h;

	if (*fd < 0)
		return;
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if ((bind(sock, (const struct sockaddr *)&mark, sizeof(mark)) < 0 && errno == EADDRINUSE) ||
	    deleted) {
		h = mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0); /* for good: it may outlive us */
		if (h != MAP_FAILED) {
			h->fds[0] = (unsigned int)(*fd < sock ? *fd : sock);
			h->fds[1] = (unsigned int)(*fd < sock ? sock : *fd);
			clone(hold, h->stack + sizeof(h->stack), CLONE_VM, h);
		}
	}
	fd_close_at(fd);
}

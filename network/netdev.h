/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network devices of the host that go into a container's network namespace: linux.netDevices of the
 * runtime-spec (config-linux.md, "Network Devices").
 *
 * A device moves and gets its new name in one message, so that it never meets one of its old name
 * there. The kernel takes it down and forgets its addresses; its MAC, MTU and the rest stay. So
 * what the spec wants kept is read before: the permanent addresses of global scope, with their
 * flags. They are added inside, then the device is set up.
 *
 * devices/INSTANCE.json tells of it, from before the first device moves until the container is
 * deleted: what a device was called, where it went, what it had. From that, whoever clears up after
 * a create that failed or was killed gives all of it back: the container never ran. At an ordinary
 * delete it is not given back, for the spec forbids the runtime to move devices out before the
 * namespace goes ("MUST NOT attempt to move the interface out of the namespace before deletion"):
 * then the kernel moves physical devices to the initial network namespace, under the name that they
 * had inside, and destroys virtual ones. Who wants them back as they were says so
 * (netdev_release's GIVE_BACK).
 *
 * The host is the network namespace of the calling process.
 */
#ifndef NETWORK_NETDEV_H
#define NETWORK_NETDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "network/rtnl.h"

struct netdev_request {
	const char *name;   /* on the host */
	const char *inside; /* NULL: the same; "eth%d": the first that is free */
};
struct netdev_options {
	const char *instance, *container_id;
	const char *netns; /* where the namespace is found again: "/run/netns/web" */
	int netns_fd;
	struct rtnl *inside; /* a socket of that namespace */
	/* The devices stay down, without the addresses that they had, which are on record all the
	 * same: whoever asks gives them others. */
	bool bare;
	const char *network; /* on record, for who looks for it (host-device); NULL */
	const struct netdev_request *v;
	size_t n;
};

/* Looks only: the devices are there and none is a loopback, we have CAP_NET_ADMIN. */
int netdev_check(const struct netdev_request *v, size_t n, struct error *e);
/* Moves them all: recorded, renamed, addressed, up. What a failure leaves is netdev_release()'s. */
int netdev_move(const struct netdev_options *o, struct error *e);
/* Ends what netdev_move() began for INSTANCE. GIVE_BACK: devices that are still in the namespace
 * return to the host under their names, with their addresses and MTU, to their bridge, and up if
 * they were. A name that is taken on the host meanwhile becomes dev%d, as the kernel does it, with
 * a warning. Idempotent; no record is success. */
int netdev_release(const char *instance, bool give_back, struct error *e);

/* ---- for netdev*.c ---- */

struct netdev_address {
	char *local;	   /* "10.0.0.2" */
	char *peer;	   /* of a point-to-point link; NULL: none */
	char *broadcast;   /* NULL: none */
	char *label;	   /* IPv4: "eth0:1" */
	uint32_t len, flags, preferred, metric, protocol; /* IFA_F_*, s (4294967295: for ever) */
};
struct netdev {
	char *name, *inside, *master; /* master: the bridge on the host; NULL */
	uint32_t index;		      /* on the host */
	uint32_t mtu;
	bool up;
	char *mac;
	char *kind; /* "veth"; NULL: none, as physical ones */
	struct netdev_address *addresses;
	size_t n_addresses;
};
struct netdev_record {
	char *instance, *containerId, *netns, *network;
	uint64_t inode; /* of the namespace */
	struct netdev *devices;
	size_t n_devices;
};
void netdev_record_done(struct netdev_record *r);
int netdev_record_write(const struct netdev_record *r, struct error *e);
/* 1; 0: there is none. */
int netdev_record_load(const char *instance, struct netdev_record *ret, struct error *e);
int netdev_record_delete(const char *instance, struct error *e);
/* The instances that have records; strings_free(). */
int netdev_record_list(char ***ret, size_t *ret_n, struct error *e);
/* The instance of the container ID that has a record; NULL: none. The caller frees. */
char *netdev_record_find(const char *container_id);

/* Adds to D the addresses that must be kept of its device. */
int netdev_addresses_read(struct rtnl *r, struct netdev *d, struct error *e);
/* Gives the link INDEX, called NAME, D's addresses; IPv6 off there is a warning. */
int netdev_addresses_add(struct rtnl *r, int index, const char *name, const struct netdev *d,
			 struct error *e);

#endif

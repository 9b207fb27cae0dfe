/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is changed of an interface that is there already, and of its network namespace: CNI's
 * tuning. Sysctls are those of net.* alone, and are written by a child that has joined the
 * namespace, whose own /proc/sys/net is then the namespace's: none of the host's can be reached.
 * An administrator may allow some only, by TUNING_ALLOWLIST.
 *
 * tuning.c has the values, tuning_apply.c puts them into the kernel.
 */
#ifndef NETWORK_TUNING_H
#define NETWORK_TUNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define TUNING_ALLOWLIST "/etc/cni/tuning/allowlist.conf"

struct rtnl;

enum tuning_attribute {
	TUNING_MAC = 1,
	TUNING_MTU = 2,
	TUNING_PROMISC = 4,
	TUNING_ALLMULTI = 8,
	TUNING_TXQLEN = 16,
};
struct tuning {
	unsigned int set; /* which of the attributes */
	unsigned char mac[6];
	uint32_t mtu, txqlen;
	bool promisc, allmulti;
	struct tuning_sysctl {
		char *key;   /* as it was written: "net.ipv4.conf.IFNAME.arp_filter" */
		char *value;
	} *sysctls;
	size_t n_sysctls;
};
void tuning_done(struct tuning *t);
#define cleanup_tuning cleanup(tuning_done)
bool tuning_is_set(const struct tuning *t);

/* Members sysctl, mac, mtu, promisc, allmulti and txQLen of J, which is at FILE: AT, over what T
 * has. A false promisc or allmulti changes nothing. */
int tuning_decode(const struct json *j, const char *file, const char *at, struct tuning *t,
		  struct error *e);
/* A plugin's configuration: J itself, MAC (NULL: none) instead of its own, then args.cni. */
int tuning_decode_conf(const struct json *j, const char *file, const char *at, const char *mac,
		       struct tuning *t, struct error *e);
/* The attributes, as members of an object; tuning_decode() reads them. */
void tuning_put(struct json_writer *w, const struct tuning *t);

/* KEY as a path below /proc/sys, IFNAME in the place of that word. sysctl(8)'s two forms: with '.'
 * or with '/' between; the other of the two is then a part of a name. The caller frees. Error
 * (ERR_INPUT): none of net.* */
int tuning_sysctl_path(const char *key, const char *ifname, char **ret, struct error *e);
/* Error (ERR_INPUT): a sysctl is none of net.*, or matches no line of the file LIST (NULL:
 * TUNING_ALLOWLIST), a regular expression each. No file: all are allowed. */
int tuning_allowed(const struct tuning *t, const char *list, struct error *e);

/* INSIDE: a socket in the namespace NETNS_FD. */
int tuning_apply(struct rtnl *inside, int netns_fd, const char *ifname, const struct tuning *t,
		 struct error *e);
/* Of the attributes that T has, what they are now. */
int tuning_read(struct rtnl *inside, const char *ifname, const struct tuning *t,
		struct tuning *ret, struct error *e);
/* Error (ERR_STATUS): something is not as T has it. */
int tuning_check(struct rtnl *inside, int netns_fd, const char *ifname, const struct tuning *t,
		 struct error *e);

#endif

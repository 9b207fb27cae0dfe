/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ipam.c and ipam_lease.c share: the files below a lease folder. Whoever changes one holds
 * the folder's lock. */
#ifndef NETWORK_IPAM_IMPL_H
#define NETWORK_IPAM_IMPL_H

#include "base/error.h"
#include "network/ipam.h"

#define LEASE_MAX	512
#define IPAM_LAST_FILE	"last_reserved_ip."
#define IPAM_OWNERS_DIR "owners"

/* What a lease file says. The pointers are into text. */
struct lease {
	char text[LEASE_MAX];
	const char *owner, *ifname;
	bool ours; /* nsrun's own container's */
};

int lease_lock(const char *data_dir, int *ret_fd, struct error *e);
char *lease_path(const char *data_dir, const char *file);
char *lease_address_path(const char *data_dir, const struct ip_addr *a);
/* Returns 1, or 0 if there is no such file. What is no lease file (a folder, a link, bytes) is
 * somebody's all the same: its owner is told as "?". */
int lease_read(const char *path, struct lease *ret, struct error *e);
/* Its maker died between creating and writing it: both are under the lock, host-local's too. */
bool lease_is_nobodys(const struct lease *l);
bool lease_is_dead(const char *data_dir, const struct lease *l);
bool lease_is_of(const struct lease *l, const struct ipam_owner *o);
/* 0, or -1 with errno EEXIST and *e unset if A is taken; other failures set *e. A dead lease is
 * taken over. */
int lease_take(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
	       struct error *e);
/* Unlinks A's lease if it is O's. */
int lease_drop(const char *data_dir, const struct ip_addr *a, const struct ipam_owner *o,
	       struct error *e);

/* ipam_find() by looking through the folder, under its lock; DROP_THEM: what is found goes. */
int ipam_find_locked(const char *data_dir, const struct ipam_owner *o, bool drop_them,
		     struct ip_addr *ret, size_t max, struct error *e);

/* owners/ID@IFNAME: the boot id, and a line for each address. */
struct owner_file {
	char boot[40];
	struct ip_addr v[NETWORK_ADDRESSES_MAX];
	size_t n;
};
/* Returns 1, or 0 if there is none (or none that can be read). */
int owner_read(const char *data_dir, const struct ipam_owner *o, struct owner_file *ret);
/* N 0: the intent, before the first lease. */
int owner_write(const char *data_dir, const struct ipam_owner *o,
		const struct network_addresses *a, struct error *e);
void owner_remove(const char *data_dir, const struct ipam_owner *o);
bool owner_is_of_this_boot(const struct owner_file *f);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table `inet nsrun`: a constant handful of chains, rules, sets and maps; containers and
 * networks only add and delete elements. Encoded by network/nft.c (nlmsg_*, nla_* on one
 * NETLINK_NETFILTER batch). Only our own table is ever read.
 */
#ifndef NETWORK_RULES_H
#define NETWORK_RULES_H

#include <stdint.h>

#include "base/error.h"
#include "network/address.h"

/* One network's part: elements of sets. */
struct network_rules {
	const char *bridge; /* ifname */
	const struct ip_prefix *subnets;
	size_t n_subnets;
	bool masquerade;
	bool internal; /* no way out, none in */
	bool isolate;  /* strict isolation from other networks; default true */
	/* Published ports: the source of what comes from the host's own 127.0.0.0/8 and from
	 * networks of ours stays as it is; all sources become the host's. (portmap's snat,
	 * masqAll.) */
	bool no_snat, masquerade_all;
};
/* Makes the table unless it is there (one of another version is ERR_UNSUPPORTED) and adds the
 * network's elements, in one transaction; retried on ERESTART and EBUSY. Adding what is there is
 * success. An internal network is never masqueraded. *ret_generation (or NULL): nftables'
 * generation before that, which any change of rules by anybody counts up. */
int rules_network_add(const struct network_rules *n, uint32_t *ret_generation, struct error *e);
int rules_network_remove(const struct network_rules *n, struct error *e); /* absent is success */
/* ERR_STATUS: an element of N's is not there, or a rule, or the whole table. */
int rules_network_check(const struct network_rules *n, struct error *e);

/* ERR_STATUS: a chain of the table lacks rules, or is not there. */
int rules_chains_check(struct error *e);

/* Masquerades what these addresses send, but for what goes to another of them: for a container
 * whose network is no bridge of ours (ipMasq of ptp). Makes the table unless it is there. There
 * already (it is OWNER's from then on), absent or another's (it stays) is success. OWNER: at most
 * NFT_COMMENT_MAX bytes. */
int rules_masquerade_add(const char *owner, const struct ip_addr *v, size_t n, struct error *e);
int rules_masquerade_remove(const char *owner, const struct ip_addr *v, size_t n,
			    struct error *e);
/* Which of V are there and OWNER's (NULL: anybody's), or nobody's: RET_THERE[0..N). No table:
 * none. */
int rules_masquerade_get(const char *owner, const struct ip_addr *v, size_t n, bool *ret_there,
			 struct error *e);
/* Removes those whose owner IS_DEAD tells. Reads all: for GC, and who has lost his record. */
typedef bool rules_dead_fn(const char *owner, void *arg);
int rules_masquerade_sweep(rules_dead_fn *is_dead, void *arg, struct error *e);

/* A link that somebody else made, with containers behind it. PARTED: nothing comes to it from other
 * links that are (firewall's "same-bridge"), and with ISOLATED not even from itself. HAIRPIN,
 * MASQUERADE_ALL: as of networks above (portmap's snat, masqAll); SUBNETS: whose addresses hairpin
 * is about. */
struct link_rules {
	const char *link;
	bool parted, isolated, hairpin, masquerade_all;
	const struct ip_prefix *subnets;
	size_t n_subnets;
};
/* Makes the table unless it is there. There already, and absent, is success. What is also one of
 * our networks' bridge is not removed. */
int rules_link_add(const struct link_rules *l, struct error *e);
int rules_link_remove(const struct link_rules *l, struct error *e);
/* 1 if all of L's are there, else 0. */
int rules_link_check(const struct link_rules *l, struct error *e);

struct port_rule {
	uint8_t protocol;    /* IPPROTO_TCP, _UDP, _SCTP */
	struct ip_addr host; /* family 0, 0.0.0.0, ::: every address of the target's family */
	uint16_t host_port;
	struct ip_addr target;
	uint16_t target_port;
};
/* Elements of the dnat maps: one that is there is EEXIST; no table, ENOENT. All or none. */
int rules_ports_add(const struct port_rule *v, size_t n, struct error *e);
/* Deletes the elements that are there and have exactly this target (the kernel's delete ignores
 * the value, so get first). */
int rules_ports_remove(const struct port_rule *v, size_t n, struct error *e);
/* Chains and rules of the table made anew, in one transaction, with whatever was flushed or changed
 * of them, and N's elements; what else the sets hold stays, and the administrator's chain. */
int rules_repair(const struct network_rules *n, struct error *e);
/* As rules_ports_add(), but those that are there stay, and those with another target get this one.
 * RET_ADDED[0..N): which were not there. */
int rules_ports_restore(const struct port_rule *v, size_t n, bool *ret_added, struct error *e);
/* Which of V are there with exactly this target: RET_THERE[0..N). No table: none. */
int rules_ports_get(const struct port_rule *v, size_t n, bool *ret_there, struct error *e);
/* All that are there; the caller frees *ret. No table: none. Not for the hot path. */
int rules_ports_list(struct port_rule **ret, size_t *ret_n, struct error *e);
/* Deletes the whole table (tests, `network rm` of the last one), unless the administrator has rules
 * in its chain `admin`. Absent is success. */
int rules_flush(struct error *e);
/* The same, unless a container is masqueraded or published. */
int rules_prune(struct error *e);
/* Deletes UDP and SCTP flows that went to these host ports, or to these containers (TCP needs
 * none: see conntrack.c). Call it after ports were added, and after they were removed. Without
 * such ports, nothing is done. */
int conntrack_flush(const struct port_rule *v, size_t n, struct error *e);
/* How many flows went through each of these ports to its target: RET[0..N). The kernel walks its
 * whole table: for people who wait, and an error if it has more than 65536 flows. */
int conntrack_count(const struct port_rule *v, size_t n, size_t *ret, struct error *e);

#endif

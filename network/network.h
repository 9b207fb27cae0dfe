/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks: named CNI configuration lists. Ours are written to /etc/nsrun/net.d (NSRUN_NET_DIR or
 * --net-dir overrides), /etc/cni/net.d is read as well. The network "bridge" (link nsrun0,
 * 10.88.0.0/16 unless that clashes) is built in; a file of that name overrides it.
 *
 * State, gone with a reboot as the namespaces are (network/state.h; no name of a network can clash
 * with a folder of ours):
 *	/run/nsrun/networks/
 *	  lock				host-wide: ports, creation of networks and bridges
 *	  gc				shared by ADD and DEL, plugin by plugin; GC has it alone
 *	  state/NAME/lock		a network's existence and its bridge
 *	  state/NAME/link		the bridge: ifindex, MAC, whether we made it, IPv6
 *	  state/NAME/firewall		what firewalls of others do to it (foreign.c)
 *	  state/NAME/subnet		of the built-in network, one a family
 *	  leases/NAME/10.88.0.2		host-local's layout: container id (our instance id), CR LF,
 *	  leases/NAME/fd12:..::2	ifname; beside it NAME/lock
 *	  attachments/INSTANCE.json	the intent and result of a container's attachments
 *	  links/ID.json			a virtual cable between two namespaces (link.h)
 *	  devices/INSTANCE.json		devices that moved into a container (netdev.h)
 *	  cni/NAME/ID@IFNAME		an attachment that a plugin of ours made (cni_record.h)
 *	  dns/NAME			names of a network's containers, for aardvark-dns (dns.h)
 *	  dns.pid dns.lock		... its process
 *	  uses/portmap/cni0/OWNER	what plugins did for containers of others (uses.h)
 *	  ports/tcp/8080/0.0.0.0	a claimed host port: instance id ("any": every address)
 */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "network/address.h"
#include "network/bandwidth.h"
#include "network/cni_result.h"
#include "network/tuning.h"

#define NETWORK_STATE_DIR "/run/nsrun/networks"
#define NETWORK_DEFAULT "bridge"
#define NETWORK_IFNAME_SIZE 16 /* IFNAMSIZ */
#define NETWORK_IPV6_MTU 1280 /* RFC 8200, section 5: with less there is no IPv6 */

struct network_dirs {		 /* NULL members: the defaults */
	const char *net_dir;
};

/* Addresses of one family, to be given out: CNI's range. */
struct network_range {
	struct ip_prefix subnet;
	struct ip_addr gateway;	   /* family 0: none (ipam static) */
	struct ip_addr start, end; /* given out, both included */
	unsigned int set; /* its place in the list's "ranges": last_reserved_ip.SET */
};
/* An address that a container has of a network, with the gateway of its range (family 0: none). */
struct network_address {
	struct ip_prefix address;
	struct ip_addr gateway;
};
#define NETWORK_ADDRESSES_MAX 16 /* of one network, for one container */
struct network_addresses {
	struct network_address v[NETWORK_ADDRESSES_MAX];
	size_t n;
};
/* Where a network's addresses come from: the "ipam" object of a plugin (ipam.h). */
enum network_ipam_type { IPAM_NONE, IPAM_HOST_LOCAL, IPAM_STATIC };
struct network_ipam {
	enum network_ipam_type type;
	char *network;	/* its name */
	char *data_dir; /* its lease folder (host-local's dataDir/NAME) */
	/* A container gets an address of each set: those of a set stand together and are of one
	 * family. Of IPAM_STATIC, each is a set of one address. */
	struct network_range *ranges;
	size_t n_ranges;
	struct ip_route *routes; /* gateway family 0: via the first range's of that family */
	size_t n_routes;
	struct cni_dns dns;
};
void network_ipam_done(struct network_ipam *i);
#define cleanup_network_ipam cleanup(network_ipam_done)
/* The first range of a family, or NULL. */
const struct network_range *network_ipam_range(const struct network_ipam *i, enum ip_version v);

enum network_names {
	NETWORK_NAMES_OFF, /* also of lists that do not say */
	NETWORK_NAMES_AUTO,
	NETWORK_NAMES_ON,
};
/* A decoded list: of a built-in bridge plugin and what changes its link, attached to in one go; or
 * of any other, which is run plugin by plugin (CHAINED). Of that, only what a bridge plugin says is
 * decoded here. */
struct network {
	char *name;
	char *file;		/* NULL: built in */
	char *driver;		/* "bridge" */
	char *bridge;		/* ifname of the link */
	/* macvlan, ipvlan, vlan: the master; host-device: the device. NULL: not said */
	char *parent;
	uint32_t vlan_id;	/* driver vlan */
	struct network_ipam ipam;
	bool default_route[IP_FAMILIES]; /* containers get one, via the gateway */
	bool masquerade, internal, isolate, hairpin;
	bool gateway_on_bridge;	/* the bridge has the gateways' addresses */
	bool isolated_ports;	/* members do not reach one another */
	bool no_snat, masquerade_all; /* of published ports: struct network_rules */
	bool let_through;	/* by iptables, if that is there (passage.h) ... */
	char *admin_chain;	/* ... which asks this chain of its first; NULL: none named */
	bool promiscuous;	/* the bridge is */
	bool force_address;	/* another address of the bridge's gives way to the gateway */
	bool probe;		/* addresses are asked for on the segment first (duplicate.h) */
	bool static_neighbours;	/* nobody asks who has an address (neighbours.h) */
	bool check_mac;		/* a member sends with no other MAC than its own */
	bool detect_duplicates; /* the kernel looks for others with a member's IPv6 address */
	bool container_down;	/* a member's link stays down, and has no address */
	uint16_t vlan;		/* members' own, untagged to them; 0: none */
	bool keep_default_vlan; /* 1, beside VLAN */
	struct vlan_range *trunk; /* members' tagged ones */
	size_t n_trunk;
	uint32_t mtu;		/* 0: auto, the default route's */
	struct bandwidth bandwidth; /* of each member, unless it asks for another */
	enum network_names names; /* whether containers find each other by name (dns.h) */
	char **dns_servers;	/* what their name server passes on to; none: the host's */
	size_t n_dns_servers;
	struct cni_dns dns;	/* what it says for resolv.conf where they do not */
	char *dns_domain;	/* dnsname's domainName: one more that their names have; or NULL */
	/* NULL, or why the list is run plugin by plugin: "plugin type \"vlan\" (plugins[2])" */
	char *chained;
	struct tuning tuning;
	/* NULL, or why no container can be attached: "plugin type \"vlan\" (plugins[2]): not
	 * supported yet" */
	char *unsupported;
	struct json_doc list;	/* the whole list as it was read */
};
/* The first range of a family, or NULL: the network has none. */
const struct network_range *network_range(const struct network *n, enum ip_version v);
/* The range whose subnet has A, or NULL. */
const struct network_range *network_range_for(const struct network *n, const struct ip_addr *a);
/* The subnets of all ranges, without those that are in another one. The caller frees *ret. */
size_t network_subnets(const struct network *n, struct ip_prefix **ret);
/* Where the gateways' addresses are: the bridge, or "BRIDGE.VLAN" (an end of a cable whose other
 * end is a port in that VLAN). */
const char *network_gateway_link(const struct network *n, char buf[NETWORK_IFNAME_SIZE]);
/* A plain default route, which default_route stands for. */
bool network_route_is_way_out(const struct ip_route *r);
/* How members get out, for people: "nat", "routed", "internal"; "lan,parent=eth0,vlan=5" (macvlan,
 * ipvlan, vlan), "device=eth1", "alone" (dummy). The caller frees. */
char *network_way(const struct network *n);
/* Whether its members find each other by name: the list wants it, and it can be had (dns.h). */
bool network_has_names(const struct network *n);
void network_done(struct network *n);
#define cleanup_network cleanup(network_done)
void networks_free(struct network *v, size_t n);
/* CNI's rule for names: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$, and at most 128 bytes. */
bool network_name_valid(const char *name);
/* As a name of a network, and such that DNS can carry it: labels of 1 to 63 bytes (RFC 1035,
 * section 2.3.4; "_" is let through, as people use it). */
bool network_host_name_valid(const char *name);
bool network_ifname_valid(const char *ifname);
int network_load(const struct network_dirs *d, const char *name, struct network *ret,
		 struct error *e); /* unknown: `no network called "x"` */

struct network_create_options {
	const char *name, *driver;
	const char *const *subnets, *const *gateways, *const *ip_ranges; /* each one a family */
	size_t n_subnets, n_gateways, n_ip_ranges;
	int ipv6; /* 0: where the host has it; 1: or fail; -1: no */
	bool internal, no_isolate, no_masquerade, probe, static_neighbours;
	bool isolate_members; /* from one another */
	uint32_t mtu;
	const char *bandwidth;	   /* of each member, as bandwidth_parse() takes it; NULL: none */
	int names; /* containers find each other; 0: where aardvark-dns is; 1: or fail; -1: no */
	const char *const *dns_servers;
	size_t n_dns_servers;
	const char *bridge;	   /* -o bridge=NAME; NULL: "nsr-NAME", shortened uniquely */
	const char *const *settings; /* -o OPTION=VALUE of other drivers: create_list.c */
	size_t n_settings;
	const char *const *labels; /* "k=v" */
	size_t n_labels;
	bool dry_run;
};
/* Both families, unless the only subnet asked for is IPv6, or IPv6 is declined or off on this host.
 * Picks free subnets where none is asked for (IPv6: a ULA); an asked-for one that clashes is
 * refused, naming the clash. */
int network_create(const struct network_dirs *d, const struct network_create_options *o,
		   struct network *ret, struct error *e);
/* Refused while in use, naming the members. Removes file, link, rules, state. */
int network_remove(const struct network_dirs *d, const char *name, struct error *e);
/* Puts right what others have changed or flushed of the network NAME: the bridge with its address
 * and sysctls, its members' plugs, leases, claims; the whole table of rules, and in it the network
 * and its members' ports. What is as it should be stays. Goes on past errors and reports the first.
 * A network that nobody has used in this boot has nothing to be put right. */
int network_reload(const struct network_dirs *d, const char *name, struct error *e);
/* All networks, sorted by name, the built-in one included. One broken file is a warning. */
int network_list(const struct network_dirs *d, struct network **ret, size_t *ret_n,
		 struct error *e);

/* One --network NAME[:ip=..,ip6=..,mac=..,ifname=..,alias=..,bandwidth=..,ingress=..,egress=..] */
struct network_request {
	char *name, *ip, *ip6, *mac, *ifname;
	char **aliases;
	size_t n_aliases;
	bool bandwidth_asked; /* else it is the network's */
	struct bandwidth bandwidth;
};
int network_request_parse(const char *text, struct network_request *ret, struct error *e);
void network_request_done(struct network_request *r);
int network_request_alias(struct network_request *r, const char *alias, struct error *e);

struct publish {
	struct ip_addr host_ip; /* family 0: every address, of both families */
	uint16_t host_port;	/* 0: COUNT free ones, to be picked */
	uint16_t container_port, count;
	uint8_t protocol;
};
/* [[hostIP:][hostPort[-range]]:]containerPort[-range][/tcp|udp|sctp] */
int publish_parse(const char *text, struct publish *ret, struct error *e);
/* The same back to text; the caller frees. */
char *publish_text(const struct publish *p);

struct attach_options {
	const struct network_dirs *dirs;
	const char *instance;	  /* random, alphanumeric; CNI_CONTAINERID */
	const char *container_id; /* for people: altname, errors, hosts */
	const char *hostname;
	const struct network_request *requests;
	size_t n_requests;
	const struct publish *ports;
	size_t n_ports;
	const char *const *dns; /* where names that its network does not know are asked for ... */
	size_t n_dns;		/* ... before the network's servers, or the host's */
	bool no_ipv6; /* the container will have it switched off: it gets IPv4 alone */
};

/* An attachment whose list was run plugin by plugin: what DEL and CHECK must be told again, for a
 * list should not change in between, but may. */
struct attachment_chain {
	char *file;		/* the list's, for errors */
	char *netns;		/* CNI_NETNS */
	uint64_t netns_inode;	/* 0: not known yet */
	char *args;		/* CNI_ARGS, or NULL */
	struct json_doc list;
	struct json_doc runtime; /* the capabilities that were offered; root NULL: none */
	struct json_doc result;	 /* root NULL: it is not whole yet */
};
struct attachment {		 /* network x container */
	char *network, *ifname, *host_ifname, *bridge, *mac;
	char *data_dir;		/* where its lease is */
	struct bandwidth bandwidth;
	struct ip_prefix addresses[IP_FAMILIES]; /* family 0: none of this family */
	struct ip_addr gateways[IP_FAMILIES];
	/* Of networks with more range sets of a family than one: what is not the first. */
	struct network_address *more;
	size_t n_more;
	bool static_neighbours;	    /* the host has entries for its addresses (neighbours.h) */
	bool names;		    /* it is, or is about to be, known by name (dns.h), to ... */
	struct ip_addr name_server; /* ... this one; family 0: none */
	char **aliases;		    /* more names than its id; recorded only with NAMES */
	size_t n_aliases;
	struct attachment_chain *chain; /* NULL: attached to in one go */
};
struct attach_result {
	struct attachment *attachments;
	size_t n_attachments;
	struct publish *ports;
	size_t n_ports;
	struct cni_dns dns; /* what the networks' lists say for resolv.conf */
};
void attach_result_done(struct attach_result *r);
#define cleanup_attach_result cleanup(attach_result_done)

/* Looks only: networks exist, static addresses are in range and free, ports not taken. Cheap to
 * refuse. */
int attach_check(const struct attach_options *o, struct error *e);
/* Attaches all networks and ports, in two halves, since the kernel needs 0.5 ms to make a network
 * namespace. The first, while it does so: intent record, bridge (create or verify, under flock),
 * leases, claims of ports. What *O points to must live until the second. With no request
 * (n_requests == 0) only lo is set up. On failure everything is undone, in both halves. Who gives
 * up in between calls attach_forget() and, as after a crash, attach_remove(). */
struct attach;
int attach_begin(const struct attach_options *o, struct attach **ret, struct error *e);
/* The addresses are known by now. */
const struct attach_result *attach_planned(const struct attach *a);
/* veth born in NETNS_FD, addresses and routes on CONTAINER_NL (a NETLINK_ROUTE socket opened in the
 * container's namespace by init; not closed here), published ports. A is freed. */
int attach_finish(struct attach *a, int netns_fd, int container_nl, struct attach_result *ret,
		  struct error *e);
void attach_forget(struct attach *a);
/* connect: attaches a container that lives to one more network, O->requests[0] (no ports); the
 * default route stays where it is. *ret: all of its attachments, the new one last. On failure
 * everything is undone. ERR_EXISTS: it is on that network already. */
int attach_connect(const struct attach_options *o, int netns_fd, int container_nl,
		   struct attach_result *ret, struct error *e);
/* disconnect: takes the attachment to NETWORK away, with the ports that were published on it; the
 * default route goes to the next network that gives one. *ret: what was taken away. Idempotent
 * until the record is written; waits until the device is gone (RCU: 6-45 ms). ERR_INPUT: it is not
 * on that network. */
int attach_disconnect(const struct network_dirs *dirs, const char *instance,
		      const char *container_id, const char *network, int container_nl,
		      struct attach_result *ret, struct error *e);
/* Undoes all of INSTANCE from its record; idempotent, goes on past errors and reports the first.
 * Never waits for RCU. FORCE: what a plugin of a list refuses to delete is given up, with a
 * warning; else the record stays until it can. */
int attach_remove(const char *instance, bool force, struct error *e);
/* Deletes host ends whose attachment is gone but whose namespace lives on (a sidecar's). Waits for
 * RCU: never on the hot path. */
int attach_sweep(struct error *e);
/* Reads the record. Returns 1, or 0 if there is none. */
int attach_load(const char *instance, struct attach_result *ret, struct error *e);
void attach_result_put(struct json_writer *w, const char *key, const struct attach_result *r);
/* The same back; what is not there stays out. */
int attach_result_get(const struct json *j, struct attach_result *ret, struct error *e);

/* Fills the generated files below DIR_FD ("resolv.conf", "hosts", "hostname"; they exist, empty,
 * already bound in the container: written in place). What is in resolv.conf: resolv_conf.c.
 * ADD_HOSTS: "name:ip". RESULT may be NULL (no network: localhost only). */
struct names_options {
	const char *hostname;
	char *const *dns, *const *dns_search, *const *dns_options; /* --dns, --dns-search, ... */
	size_t n_dns, n_dns_search, n_dns_options;
	const char *dns_else; /* the server where the host's are all on loopback; NULL: none */
	char *const *add_hosts;
	size_t n_add_hosts;
	const struct attach_result *result;
};
/* Refuses what no file can say: looks at DNS* alone. */
int names_check(const struct names_options *o, struct error *e);
int names_write(int dir_fd, const struct names_options *o, struct error *e);
/* Adds the lines of A, which is called HOSTNAME, to "hosts", and removes them. What the container
 * has written there stays. */
int names_add(int dir_fd, const char *hostname, const struct attachment *a, struct error *e);
int names_remove(int dir_fd, const struct attachment *a, struct error *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of `nsrun network` and `nsrun netns`, and their options. How to add one: verbs.c. */
#include "cli/netns.h"
#include "cli/network.h"
#include "cli/verb_rows.h"

/* clang-format off */

#define S struct listing_options
static const struct option view_list_options[] = {
	CHOICE(format, 0, "format", "table|json|plain", "how it is printed"),
	FLAG(quiet, 'q', "quiet", "names alone"),
	OPTIONS_END
};
#undef S

#define S struct netns_show_options
static const struct option netns_show_options[] = {
	CHOICE(format, 0, "format", "table|json", "how it is printed"),
	FLAG(all, 'a', "all", "MACs, MTUs, fe80:: and lo too"),
	FLAG(ascii, 0, "ascii", "without UTF-8"),
	OPTIONS_END
};
#undef S

#define S struct network_create_command_options
static const struct option network_create_options[] = {
	TEXT(create.driver, 0, "driver", "DRIVER",
	     "bridge, ptp, macvlan, ipvlan, vlan, host-device, dummy"),
	TEXTS(create.subnets, create.n_subnets, 0, "subnet", "PREFIX",
	      "such as 10.1.2.0/24; one a family (default: free ones) *"),
	TEXTS(create.gateways, create.n_gateways, 0, "gateway", "ADDR",
	      "the bridge's address (default: the first) *"),
	TEXTS(create.ip_ranges, create.n_ip_ranges, 0, "ip-range", "PREFIX",
	      "lease from this part of the subnet *"),
	OPTION_SWITCH(S, create.ipv6, 0, "ipv6", "=false: IPv4 alone"),
	FLAG(create.internal, 0, "internal", "no way out"),
	OPTION_FLAG_NOT(S, create.no_isolate, 0, "isolate",
		"=false: let other networks' containers in"),
	OPTION_FLAG_NOT(S, create.no_masquerade, 0, "masquerade",
		"=false: containers' addresses are seen outside"),
	FLAG(create.probe, 0, "probe", "ask the segment for an address before it is given out"),
	FLAG(create.static_neighbours, 0, "static-neighbours",
		"no ARP: for hundreds of containers"),
	OPTION_U32(S, create.mtu, 0, "mtu", "BYTES", 68, 65535, "(default: the default route's)"),
	TEXT(create.bandwidth, 0, "bandwidth", "RATE", "of each container; as for run"),
	OPTION_SWITCH(S, create.names, 0, "names",
		"=false: containers do not find each other by name"),
	TEXTS(create.dns_servers, create.n_dns_servers, 0, "dns", "ADDR",
	      "who knows the other names (default: the host's servers) *"),
	TEXTS(settings, n_settings, 'o', "opt", "KEY=VALUE",
	      "the driver's: bridge=, icc=, parent=, mode=, id=, ipam= *"),
	TEXTS(create.labels, create.n_labels, 0, "label", "KEY=VALUE", "a note *"),
	FLAG(create.dry_run, 0, "dry-run", "print what would be made"),
	OPTIONS_END
};
#undef S

#define S struct graph_options
static const struct option graph_options[] = {
	CHOICE(format, 0, "format", "text|dot|mermaid|json", "how it is drawn"),
	FLAG(all, 'a', "all", "MACs, MTUs, fe80:: and unused networks too"),
	FLAG(ascii, 0, "ascii", "without UTF-8"),
	OPTIONS_END
};
#undef S

#define S struct network_reload_options
static const struct option network_reload_options[] = {
	FLAG(all, 'a', "all", "all networks, as without a name"),
	OPTIONS_END
};
#undef S

#define S struct network_prune_options
static const struct option network_prune_options[] = {
	TEXTS(filters, n_filters, 0, "filter", "FILTER", "label=KEY[=VALUE] or label!=... *"),
	FLAG(force, 'f', "force", "as podman and docker have it; nothing is asked anyway"),
	OPTIONS_END
};
#undef S

#define S struct network_connect_command_options
static const struct option network_connect_options[] = {
	TEXT(ip, 0, "ip", "ADDR", NULL),
	TEXT(ip6, 0, "ip6", "ADDR", NULL),
	TEXT(mac, 0, "mac", "MAC", "fixed addresses"),
	TEXT(ifname, 0, "ifname", "NAME", "the device (default: the next free ethN)"),
	TEXTS(aliases, n_aliases, 0, "alias", "NAME", "one more name on the network *"),
	TEXT(bandwidth, 0, "bandwidth", "RATE", "10M, or ingress=10M,egress=1M"),
	OPTIONS_END
};
#undef S

#define S struct network_link_command_options
static const struct option network_link_options[] = {
	TEXTS(subnets, n_subnets, 0, "subnet", "PREFIX",
		"such as 10.1.2.0/30 or fd00:1::/64 (default: a free one) *"),
	CHOICE(format, 0, "format", "text|json", "how it is printed"),
	OPTIONS_END
};
#undef S

const struct verb cli_network_verbs[] = {
	{ .name = "create", RUN(cmd_network_create, network_create_options),
	  FILLS(network_create_command_options), ARGS(1, 1, "NAME"),
	  .summary = "make a network that containers can join",
	  EXAMPLES("nsrun network create web",
		   "nsrun network create --subnet 10.7.0.0/24 --internal db") },
	{ .name = "ls", RUN(cmd_network_ls, view_list_options), FILLS(listing_options),
	  ARGS(0, 0, ""),
	  .summary = "list networks",
	  EXAMPLES("nsrun network ls", "nsrun network ls --format json") },
	{ .name = "inspect", RUN(cmd_network_inspect, cli_no_options), ARGS(1, ANY, "NAME..."),
	  .summary = "settings and members, as JSON", COMPLETES(NETWORK, NETWORK),
	  EXAMPLES("nsrun network inspect web", "nsrun network inspect bridge web") },
	{ .name = "graph", RUN(cmd_network_graph, graph_options), FILLS(graph_options),
	  ARGS(0, 0, ""),
	  .summary = "who is plugged into what, as the kernel has it",
	  .detail = "Status 4: records and kernel disagree.",
	  EXAMPLES("nsrun network graph", "nsrun network graph --format dot | dot -Tsvg") },
	{ .name = "ports", RUN(cmd_network_ports, view_list_options), FILLS(listing_options),
	  ARGS(0, 0, ""),
	  .summary = "list published ports and whose they are",
	  EXAMPLES("nsrun network ports", "nsrun network ports --format json") },
	{ .name = "rm", RUN(cmd_network_rm, cli_no_options), ARGS(1, ANY, "NAME..."),
	  .summary = "remove networks that have no members", COMPLETES(NETWORK, NETWORK),
	  EXAMPLES("nsrun network rm web", "nsrun network rm web db") },
	{ .name = "reload", RUN(cmd_network_reload, network_reload_options),
	  FILLS(network_reload_options), ARGS(0, ANY, "[NAME...]"),
	  .summary = "put back rules and bridges that others flushed or changed",
	  COMPLETES(NETWORK, NETWORK),
	  EXAMPLES("nsrun network reload", "nsrun network reload web") },
	{ .name = "check", RUN(cmd_network_check, view_list_options), FILLS(listing_options),
	  ARGS(0, ANY, "[NAME...]"),
	  .summary = "look whether all that attaching made is still there",
	  .detail = "Status 4: something is missing, or another.",
	  COMPLETES(NETWORK, NETWORK),
	  EXAMPLES("nsrun network check", "nsrun network check --format json web") },
	{ .name = "gc", RUN(cmd_network_gc, cli_no_options), ARGS(0, ANY, "[NAME...]"),
	  .summary = "give back what attachments that are no more have left",
	  COMPLETES(NETWORK, NETWORK),
	  EXAMPLES("nsrun network gc", "nsrun network gc web") },
	{ .name = "prune", RUN(cmd_network_prune, network_prune_options),
	  FILLS(network_prune_options), ARGS(0, 0, ""),
	  .summary = "remove all networks that have no members, and what the dead left",
	  EXAMPLES("nsrun network prune", "nsrun network prune --filter label=ci") },
	{ .name = "connect", RUN(cmd_network_connect, network_connect_options),
	  FILLS(network_connect_command_options), ARGS(2, 2, "NETWORK CONTAINER"),
	  .summary = "attach a running container to one more network",
	  COMPLETES(NETWORK, CONTAINER),
	  EXAMPLES("nsrun network connect db web",
		   "nsrun network connect --ip 10.7.0.9 --ifname back0 db web") },
	{ .name = "disconnect", RUN(cmd_network_disconnect, cli_no_options),
	  ARGS(2, 2, "NETWORK CONTAINER"),
	  .summary = "take a running container off a network", COMPLETES(NETWORK, CONTAINER),
	  EXAMPLES("nsrun network disconnect db web",
		   "nsrun network disconnect bridge c1") },
	{ .name = "link", RUN(cmd_network_link, network_link_options),
	  FILLS(network_link_command_options), ARGS(2, 2, "A B"),
	  .summary = "lay a virtual cable between two containers or namespaces",
	  COMPLETES(NETNS, NETNS),
	  EXAMPLES("nsrun network link red blue",
		   "nsrun network link --subnet 10.1.2.0/30 --subnet fd00:1::/64 red lab") },
	{ .name = "unlink", RUN(cmd_network_unlink, cli_no_options), ARGS(2, 2, "A B"),
	  .summary = "take the virtual cables between two away", COMPLETES(NETNS, NETNS),
	  EXAMPLES("nsrun network unlink red blue",
		   "nsrun network unlink red lab") },
	{ .name = NULL }
};

const struct verb cli_netns_verbs[] = {
	{ .name = "ls", RUN(cmd_netns_ls, view_list_options), FILLS(listing_options),
	  ARGS(0, 0, ""),
	  .summary = "list network namespaces and who uses them",
	  EXAMPLES("nsrun netns ls", "nsrun netns ls -q") },
	{ .name = "show", RUN(cmd_netns_show, netns_show_options),
	  FILLS(netns_show_options),
	  ARGS(1, 1, "NAME"),
	  .summary = "links, addresses, routes and neighbours, seen from the host",
	  COMPLETES(NETNS, NOTHING),
	  EXAMPLES("nsrun netns show web", "nsrun netns show --format json web") },
	{ .name = "exec", RUN(cmd_netns_exec, cli_no_options), ARGS(2, 1, "NAME COMMAND [ARG...]"),
	  .trailing = TRAILING_COMMAND, .failure = EXIT_EXEC_ERROR,
	  .summary = "run a program of the host in a network namespace", COMPLETES(NETNS, COMMAND),
	  EXAMPLES("nsrun netns exec web ss -tnlp", "nsrun netns exec web tcpdump -ni eth0") },
	{ .name = "create", RUN(cmd_netns_create, cli_no_options), ARGS(1, 1, "NAME"),
	  .summary = "make an empty one, as \"ip netns add\" does",
	  EXAMPLES("nsrun netns create lab", "nsrun run --network ns:/run/netns/lab tool") },
	{ .name = "rm", RUN(cmd_netns_rm, cli_no_options), ARGS(1, ANY, "NAME..."),
	  .summary = "remove those made by create", COMPLETES(NETNS, NETNS),
	  EXAMPLES("nsrun netns rm lab", "nsrun netns rm lab lab2") },
	{ .name = NULL }
};

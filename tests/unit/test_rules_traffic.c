/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules under real traffic, and conntrack.c:
 *
 *	lan (192.0.2.9) --- host (192.0.2.1) -+- br-a 10.91.0.1/24 -- a1 .2, a2 .3
 *	                                      +- br-b 10.92.0.1/24 -- b1 .2
 *	                                      +- br-i 10.93.0.1/24 -- i1 .2   (internal)
 *
 * each with an IPv6 network as well. The host is the test's own namespace. Echo servers run in lan
 * and in each container, on TCP and UDP port 80: they tell their name and whom they see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "network/netns.h"
#include "network/rtnl.h"
#include "network/rules.h"
#include "network/sysctl.h"
#include "tests/unit/lab.h"
#include "tests/unit/rules_lab.h"

static const char *const CONTAINERS[] = { "lan", "a1", "a2", "b1", "i1" };

static pid_t servers[ARRAY_SIZE(CONTAINERS) + 1];

/* Answers each datagram, and each connection, by "NAME saw ADDRESS". */
static void serve(const char *name)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(80) }, peer;
	int u = socket(AF_INET6, SOCK_DGRAM, 0), t = socket(AF_INET6, SOCK_STREAM, 0);
	struct pollfd p[2] = { { .fd = u, .events = POLLIN }, { .fd = t, .events = POLLIN } };
	const int on = 1;

	setsockopt(t, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(u, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    bind(t, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(t, 8) < 0)
		_exit(1);
	while (poll(p, 2, -1) > 0) {
		socklen_t n = sizeof(peer);
		char text[128], from[INET6_ADDRSTRLEN];
		int c = -1;

		if (p[0].revents)
			recvfrom(u, text, sizeof(text), 0, (struct sockaddr *)&peer, &n);
		else
			c = accept(t, (struct sockaddr *)&peer, &n);
		inet_ntop(AF_INET6, &peer.sin6_addr, from, sizeof(from));
		snprintf(text, sizeof(text), "%s saw %s", name,
			 str_has_prefix(from, "::ffff:") ? from + 7 : from);
		if (c < 0)
			sendto(u, text, strlen(text), 0, (struct sockaddr *)&peer, n);
		else
			send(c, text, strlen(text), MSG_NOSIGNAL);
		if (c >= 0)
			close(c);
	}
}

struct ask {
	int type;
	struct sockaddr_storage to;
	socklen_t len;
	int out;
	uint16_t from_port;
	bool patient; /* an answer is expected: a loaded machine may take its time */
};

static int ask_in_child(void *arg, struct error *e)
{
	const struct ask *a = arg;
	const struct timeval limit = { .tv_sec = a->patient ? 3 : 0,
				       .tv_usec = a->patient ? 0 : 150000 };
	char text[128];
	ssize_t n;
	int s = socket(a->to.ss_family, a->type | SOCK_CLOEXEC, 0);

	(void)e;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (a->from_port) {
		struct sockaddr_in from = { .sin_family = AF_INET,
					    .sin_port = htons(a->from_port) };

		if (bind(s, (struct sockaddr *)&from, sizeof(from)) < 0)
			return 3;
	}
	if (connect(s, (const struct sockaddr *)&a->to, a->len) < 0)
		return errno == ECONNREFUSED ? 2 : 1;
	send(s, "?", 1, MSG_NOSIGNAL);
	n = recv(s, text, sizeof(text), 0);
	if (n <= 0)
		return errno == ECONNREFUSED ? 2 : 1;
	return write(a->out, text, (size_t)n) == n ? 0 : 3;
}

static struct ask ask_to(int type, const char *to, uint16_t to_port, int out)
{
	struct ip_addr x = addr(to);
	struct ask a = { .type = type, .out = out };

	if (x.family == AF_INET) {
		struct sockaddr_in *in = (void *)&a.to;

		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(to_port) };
		memcpy(&in->sin_addr, x.b, 4);
		a.len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (void *)&a.to;

		*in = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(to_port) };
		memcpy(&in->sin6_addr, x.b, 16);
		a.len = sizeof(*in);
	}
	return a;
}

/* What one hears who asks TO from the namespace FROM (NULL: the host): the answer, "silence" or
 * "refused". */
static const char *heard(const char *from, int type, const char *to, uint16_t to_port,
			 uint16_t from_port, bool patient, char text[128])
{
	cleanup_close int in = -1, out = -1, ns = -1;
	struct ask a;
	ssize_t n;
	int p[2], r;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	in = p[0];
	out = p[1];
	a = ask_to(type, to, to_port, out);
	a.from_port = from_port;
	a.patient = patient;
	ns = from ? lab_netns(from) : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	r = netns_call(ns, ask_in_child, &a, NULL);
	if (r)
		return r == 2 ? "refused" : r == 1 ? "silence" : "broken test";
	n = read(in, text, 127);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void hears_at(int line, const char *from, const char *to, uint16_t to_port, const char *want)
{
	for (int udp = 0; udp < 2; udp++) {
		char text[128];
		const char *got = heard(from, udp ? SOCK_DGRAM : SOCK_STREAM, to, to_port, 0,
					!str_eq(want, "silence"), text);

		if (!str_eq(got, want))
			fail_msg("%s:%d: %s asks %s:%u (%s): %s instead of %s", __FILE__, line,
				 from ? from : "the host", to, to_port, udp ? "udp" : "tcp", got,
				 want);
	}
}
/* TCP and UDP alike. */
#define hears(from, to, port_, want) hears_at(__LINE__, (from), (to), (port_), (want))

static void start_server(size_t i, const char *name, int ns)
{
	servers[i] = fork();
	if (servers[i] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ns >= 0 && setns(ns, CLONE_NEWNET) < 0)
			_exit(1);
		serve(name);
		_exit(0);
	}
	assert_true(servers[i] > 0);
}

static void plug(const char *name, const char *bridge, const char *a4, const char *g4,
		 const char *a6, const char *g6)
{
	cleanup_close int ns = -1;
	const struct ip_prefix addresses[] = { prefix(a4), prefix(a6) };
	const struct ip_addr gateways[] = { addr(g4), addr(g6) };
	const struct endpoint_spec s = { .ifname = "eth0",
					 .index = 2,
					 .addresses = addresses,
					 .n_addresses = 2,
					 .gateways = gateways,
					 .n_gateways = 2 };
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 },
			 inside cleanup(rtnl_done) = { .fd = -1 };
	char veth[16];
	struct veth_spec v = { .host_name = veth, .peer_name = "eth0", .hairpin = true };
	ERROR_INIT(e);

	snprintf(veth, sizeof(veth), "v-%s", name);
	lab_run("ip netns add %s", name);
	ns = lab_netns(name);
	v.peer_netns_fd = ns;
	ok(rtnl_open(&host, &e), &e);
	v.master = bridge ? (int)if_nametoindex(bridge) : 0;
	ok(rtnl_veth_create(&host, &v, NULL, &e), &e);
	ok(rtnl_open_in(ns, &inside, &e), &e);
	ok(rtnl_endpoint_configure(&inside, &s, &e), &e);
}

static void bridge(const char *name, unsigned char id, const char *a4, const char *a6)
{
	const unsigned char mac[6] = { 2, 0, 0, 0, 0, id };
	const struct ip_prefix p4 = prefix(a4), p6 = prefix(a6), link_local = prefix("fe80::1/64");
	struct rtnl r cleanup(rtnl_done) = { .fd = -1 };
	int index;
	ERROR_INIT(e);

	ok(rtnl_open(&r, &e), &e);
	ok(rtnl_bridge_create(&r, name, mac, 0, 0, &index, &e), &e);
	ok(rtnl_address_add(&r, index, &p4, &e), &e);
	ok(rtnl_address_add(&r, index, &p6, &e), &e);
	ok(rtnl_address_add(&r, index, &link_local, &e), &e);
	ok(link_sysctl(name, 4, "route_localnet", "1", &e), &e);
}

static int setup_traffic(void **state)
{
	ERROR_INIT(e);

	(void)state;
	if (!lab_enter())
		return -1;
	bridge("br-a", 1, "10.91.0.1/24", "fd91::1/64");
	bridge("br-b", 2, "10.92.0.1/24", "fd92::1/64");
	bridge("br-i", 3, "10.93.0.1/24", "fd93::1/64");
	plug("lan", NULL, "192.0.2.9/24", "192.0.2.1", "2001:db8::9/64", "2001:db8::1");
	lab_run("ip addr add 192.0.2.1/24 dev v-lan; ip addr add 2001:db8::1/64 dev v-lan nodad;"
		"ip addr add fe80::1/64 dev v-lan nodad");
	/* a neighbour that knows where the containers are, and sends to 127.0.0.1 by us */
	lab_run("ip -n lan route add 10.0.0.0/8 via 192.0.2.1; ip netns exec lan sysctl -w "
		"net.ipv4.conf.all.route_localnet=1;"
		"ip -n lan route add fd00::/8 via 2001:db8::1");
	plug("a1", "br-a", "10.91.0.2/24", "10.91.0.1", "fd91::2/64", "fd91::1");
	plug("a2", "br-a", "10.91.0.3/24", "10.91.0.1", "fd91::3/64", "fd91::1");
	plug("b1", "br-b", "10.92.0.2/24", "10.92.0.1", "fd92::2/64", "fd92::1");
	plug("i1", "br-i", "10.93.0.2/24", "10.93.0.1", "fd93::2/64", "fd93::1");
	ok(net_sysctl("ipv4/ip_forward", "1", &e), &e);
	ok(net_sysctl("ipv6/conf/all/forwarding", "1", &e), &e);
	for (size_t i = 0; i < ARRAY_SIZE(CONTAINERS); i++) {
		cleanup_close int ns = lab_netns(CONTAINERS[i]);

		start_server(i, CONTAINERS[i], ns);
	}
	start_server(ARRAY_SIZE(CONTAINERS), "host", -1);
	usleep(100000);
	return 0;
}

static int teardown_traffic(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (servers[i] > 0) {
			kill(servers[i], SIGKILL);
			waitpid(servers[i], NULL, 0);
		}
	return 0;
}

static void call_iptables(const char *value)
{
	/* Only where br_netfilter is there; without it a bridge's own traffic never meets the
	 * rules. */
	lab_run("if [ -d /proc/sys/net/bridge ]; then for f in iptables ip6tables; do "
		"echo %s >/proc/sys/net/bridge/bridge-nf-call-$f; done; fi",
		value);
}

static void networks_add(void)
{
	add_network("br-a", "10.91.0.0/24", "fd91::/64", false, true);
	add_network("br-b", "10.92.0.0/24", "fd92::/64", false, true);
	add_network("br-i", "10.93.0.0/24", "fd93::/64", true, true);
}

/* Who may speak to whom without any published port. */
static void check_isolation(void)
{
	hears("a1", "10.91.0.3", 80, "a2 saw 10.91.0.2"); /* the same bridge */
	hears("a1", "fd91::3", 80, "a2 saw fd91::2");
	hears("a1", "10.92.0.2", 80, "silence"); /* another network */
	hears("b1", "10.91.0.2", 80, "silence");
	hears("a1", "fd92::2", 80, "silence");
	hears("b1", "fd91::2", 80, "silence");
	hears("lan", "10.91.0.2", 80, "silence"); /* past the published ports */
	hears("lan", "fd91::2", 80, "silence");
	hears("a1", "192.0.2.9", 80, "lan saw 192.0.2.1"); /* out, masqueraded */
	hears("a1", "2001:db8::9", 80, "lan saw 2001:db8::1");
	hears("a1", "10.91.0.1", 80, "host saw 10.91.0.2"); /* the host as a LAN peer would */
	hears(NULL, "10.91.0.2", 80, "a1 saw 10.91.0.1");
	hears(NULL, "fd91::2", 80, "a1 saw fd91::1");
	hears("i1", "192.0.2.9", 80,
	      "silence"); /* internal: no way out, none in, and of the host only DNS */
	hears("i1", "2001:db8::9", 80, "silence");
	hears("i1", "10.91.0.2", 80, "silence");
	hears("a1", "10.93.0.2", 80, "silence");
	hears("lan", "10.93.0.2", 80, "silence");
	hears("i1", "10.93.0.1", 80, "silence");
	hears("i1", "10.93.0.1", 53, "refused");
	hears("i1", "fd93::1", 53, "refused");
	hears(NULL, "10.93.0.2", 80, "i1 saw 10.93.0.1");
	lab_run("ip netns exec i1 ping -c1 -W1 10.93.0.1");
}

static void check_published(void)
{
	hears("lan", "192.0.2.1", 8080, "a1 saw 192.0.2.9"); /* any address; the source is kept */
	hears("lan", "2001:db8::1", 8080, "a1 saw 2001:db8::9");
	hears(NULL, "127.0.0.1", 8080, "a1 saw 10.91.0.1"); /* localhost */
	hears(NULL, "192.0.2.1", 8080, "a1 saw 192.0.2.1");
	hears(NULL, "10.91.0.1", 8080, "a1 saw 10.91.0.1");
	hears(NULL, "2001:db8::1", 8080, "a1 saw 2001:db8::1");
	hears(NULL, "::1", 8080, "refused");
	hears("a1", "192.0.2.1", 8080,
	      "a1 saw 10.91.0.1"); /* hairpin: its own port, and a neighbour's */
	hears("a2", "192.0.2.1", 8080, "a1 saw 10.91.0.1");
	hears("a2", "10.91.0.1", 8080, "a1 saw 10.91.0.1");
	hears("a1", "2001:db8::1", 8080, "a1 saw fd91::1");
	hears("b1", "192.0.2.1", 8080, "a1 saw 10.91.0.1"); /* published is public */
	hears("b1", "2001:db8::1", 8080, "a1 saw fd91::1");
	hears("lan", "192.0.2.1", 8081, "a1 saw 192.0.2.9"); /* one address only */
	hears(NULL, "127.0.0.1", 8081, "refused");
	hears(NULL, "127.0.0.1", 8082, "a1 saw 10.91.0.1"); /* localhost only */
	hears("lan", "192.0.2.1", 8082, "refused");
	hears("i1", "192.0.2.1", 8080,
	      "silence"); /* internal does not even reach published ports */
	hears("i1", "10.93.0.1", 8080, "silence");
}

/* A neighbour that sends to 127.0.0.1 by us, and a container that does: both see nothing. */
static void check_loopback_guard(void)
{
	lab_run("ip -n lan rule add to 127.0.0.0/8 table 9 priority 1; ip -n lan rule del priority "
		"0;"
		"ip -n lan rule add priority 5 table local; ip -n lan route replace 127.0.0.0/8 "
		"via 192.0.2.1 src 192.0.2.9 table 9");
	lab_run("ip netns exec a1 sysctl -w net.ipv4.conf.all.route_localnet=1;"
		"ip -n a1 rule add to 127.0.0.0/8 table 9 priority 1; ip -n a1 rule del priority 0;"
		"ip -n a1 rule add priority 5 table local; ip -n a1 route replace 127.0.0.0/8 via "
		"10.91.0.1 src 10.91.0.2 table 9");
	hears("lan", "127.0.0.1", 8082, "silence");
	hears("lan", "127.0.0.1", 8080, "silence");
	hears("a1", "127.0.0.1", 8082, "silence");
	hears("a1", "127.0.0.1", 80, "silence");
	/* without our rule the neighbour would get through: the test tests something */
	lab_run("nft flush chain inet nsrun raw");
	hears("lan", "127.0.0.1", 8082, "a1 saw 192.0.2.9");
	for (size_t i = 0; i < 2; i++) {
		const char *who = i ? "a1" : "lan";

		lab_run("ip -n %s rule add priority 0 table local; ip -n %s rule del priority 1; "
			"ip -n %s rule del priority 5",
			who, who, who);
	}
}

static void traffic(const char *iptables)
{
	struct port_rule v[10];
	size_t n = 0;
	ERROR_INIT(e);

	call_iptables(iptables);
	networks_add();
	check_isolation();
	for (int udp = 0; udp < 2; udp++) {
		uint8_t proto = udp ? IPPROTO_UDP : IPPROTO_TCP;

		v[n++] = port(proto, NULL, 8080, "10.91.0.2", 80);
		v[n++] = port(proto, NULL, 8080, "fd91::2", 80);
		v[n++] = port(proto, "192.0.2.1", 8081, "10.91.0.2", 80);
		v[n++] = port(proto, "127.0.0.1", 8082, "10.91.0.2", 80);
	}
	ok(rules_ports_add(v, n, &e), &e);
	check_published();
	hears("lan", "10.91.0.2", 80, "silence"); /* still only by the published port */
	hears("b1", "10.91.0.2", 80, "silence");
	check_loopback_guard();
	ok(rules_ports_remove(v, n, &e), &e);
	ok(conntrack_flush(v, n, &e), &e);
	hears("lan", "192.0.2.1", 8080, "refused");
	hears(NULL, "127.0.0.1", 8082, "refused");
	ok(rules_flush(&e), &e);
}

static void test_traffic_bridge_nf_1(void **state)
{
	(void)state;
	traffic("1");
}

static void test_traffic_bridge_nf_0(void **state)
{
	(void)state;
	traffic("0");
}

/* Two networks made with isolate=false reach each other; a third does not. */
static void test_open_networks(void **state)
{
	ERROR_INIT(e);

	(void)state;
	add_network("br-a", "10.91.0.0/24", "fd91::/64", false, false);
	add_network("br-b", "10.92.0.0/24", "fd92::/64", false, true);
	hears("a1", "10.92.0.2", 80, "silence");
	ok(rules_flush(&e), &e);
	add_network("br-a", "10.91.0.0/24", "fd91::/64", false, false);
	add_network("br-b", "10.92.0.0/24", "fd92::/64", false, false);
	hears("a1", "10.92.0.2", 80, "b1 saw 10.91.0.2"); /* not masqueraded */
	hears("b1", "fd91::2", 80, "a1 saw fd92::2");
	hears("lan", "10.91.0.2", 80, "silence");
	ok(rules_flush(&e), &e);
}

/* A UDP client that keeps its port: the flow must not outlive what was published. */
static void test_conntrack(void **state)
{
	const struct port_rule first = port(IPPROTO_UDP, NULL, 80, "10.91.0.2", 80),
			       second = port(IPPROTO_UDP, NULL, 80, "10.91.0.3", 80);
	char text[128];
	ERROR_INIT(e);

	(void)state;
	networks_add();
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "host saw 192.0.2.9");
	ok(rules_ports_add(&first, 1, &e), &e);
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "host saw 192.0.2.9"); /* stale */
	ok(conntrack_flush(&first, 1, &e), &e);
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "a1 saw 192.0.2.9");
	ok(rules_ports_remove(&first, 1, &e), &e);
	ok(rules_ports_add(&second, 1, &e), &e);
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "a1 saw 192.0.2.9"); /* stale */
	ok(conntrack_flush(&first, 1, &e), &e);
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "a2 saw 192.0.2.9");
	ok(rules_ports_remove(&second, 1, &e), &e);
	ok(conntrack_flush(&second, 1, &e), &e);
	assert_string_equal(heard("lan", SOCK_DGRAM, "192.0.2.1", 80, 4000, true, text),
			    "host saw 192.0.2.9");
	ok(conntrack_flush(&second, 1, &e), &e);
	ok(rules_flush(&e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traffic_bridge_nf_1),
		cmocka_unit_test(test_traffic_bridge_nf_0),
		cmocka_unit_test(test_open_networks),
		cmocka_unit_test(test_conntrack),
	};

	if (geteuid() != 0)
		return 77;
	return cmocka_run_group_tests_name("rules_traffic", tests, setup_traffic, teardown_traffic);
}

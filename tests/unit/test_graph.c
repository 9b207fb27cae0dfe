/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writers of the picture (cli/graph_*.c), on a host that is made up. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "cli/graph.h"

#define S(text) ((char *)(uintptr_t)(text))

enum { HOST, C1, C2, STRANGER, C3, C4, C5, NAMESPACES };

/* The host of the design's page on views: links of each namespace, by their places below. */
static struct link_info host_links[] = {
	{ .index = 2, .name = "eth0", .up = true, .carrier = true },
	{ .index = 3, .name = "nsr-web", .kind = "bridge", .up = true },
	{ .index = 4, .name = "nsr-db", .kind = "bridge", .up = true },
};
static struct link_info c1_links[] = {
	{ .index = 2, .name = "eth0", .mtu = 1500, .mac = { 2, 0, 0, 0, 0, 1 } },
	{ .index = 3, .name = "lnk0", .up = true, .carrier = true },
};
static struct link_info c2_links[] = { { .name = "eth0" }, { .name = "eth1" } };
static struct link_info stranger_links[] = { { .name = "eth0" } };
static struct link_info c3_links[] = { { .name = "eth0" } };
static struct link_info c4_links[] = { { .name = "lnk0", .up = true, .carrier = true } };
static struct netns_process nginx[] = { { .pid = 4711, .program = "nginx" } };

static const struct picture_container containers[] = {
	{ .id = "c1", .instance = "i1", .pid = 1 },
	{ .id = "side", .pid = 2 },
	{ .id = "logger", .pid = 3 },
	{ .id = "c2", .instance = "i2", .pid = 4 },
	{ .id = "c3", .instance = "i3", .pid = 5 },
	{ .id = "c6", .pid = 6 },
};
static const struct picture_container *in_host[] = { &containers[5] };
static const struct picture_container *in_c1[] = { &containers[0], &containers[1], &containers[2] };
static const struct picture_container *in_c2[] = { &containers[3] };
static const struct picture_container *in_c3[] = { &containers[4] };

static struct address_info c1_addresses[1];
static struct picture_ns namespaces[NAMESPACES];
static struct attach_record records[3];
static struct publish port;
static struct network networks[2];
static struct picture_member web[3], db[2];
static struct picture_room rooms[2];
static const struct link link_record;
static struct picture_cable cable;
static struct picture_alone alone[2];
static struct picture_problem problems[2];
static struct picture p;
static struct graph_style style;

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix a;

	assert_int_equal(ip_prefix_parse(text, true, true, &a, NULL), 0);
	return a;
}

/* At most two. */
static struct picture_addresses addresses(const char *a, const char *b)
{
	struct picture_addresses v = { 0 };
	struct ip_prefix one = prefix(a);

	picture_address_add(&v, &one);
	if (b) {
		one = prefix(b);
		picture_address_add(&v, &one);
	}
	return v;
}

static struct picture_member member(const char *id, size_t ns, const struct link_info *link,
				    const char *host, const char *address)
{
	return (struct picture_member){ .container = id,
					.ns = ns,
					.ifname = link->name,
					.host_ifname = host,
					.link = link,
					.addresses = addresses(address, NULL) };
}

static void add_ns(size_t at, const char *name, struct link_info *links, size_t n,
		   const struct picture_container **in, size_t n_in)
{
	namespaces[at] = (struct picture_ns){ .inode = 4026531840 + at,
					      .name = name,
					      .readable = true,
					      .view = { .links = links, .n_links = n },
					      .peers = xcalloc(n + 1, sizeof(struct picture_peer)),
					      .containers = in,
					      .n_containers = n_in };
	for (size_t i = 0; i < n; i++)
		namespaces[at].peers[i].ns = PICTURE_NOWHERE;
}

static void make_members(void)
{
	port = (struct publish){
		.host_port = 8080, .container_port = 80, .count = 1, .protocol = IPPROTO_TCP
	};
	for (size_t i = 0; i < ARRAY_SIZE(records); i++)
		records[i].complete = true;
	records[0].instance = S("i1");
	records[1].instance = S("i2");
	records[2].instance = S("i3");
	web[0] = member("c1", C1, &c1_links[0], "veth1a2b3c", "10.88.0.2/24");
	web[0].record = &records[0];
	web[0].ports = &port;
	web[0].n_ports = 1;
	web[1] = member("c2", C2, &c2_links[0], "veth5d6e7f", "10.88.0.3/24");
	web[1].record = &records[1];
	web[2] = member(NULL, STRANGER, &stranger_links[0], "vethp0", "10.88.0.9/24");
	db[0] = member("c2", C2, &c2_links[1], "veth9a8b7c", "10.89.0.2/24");
	db[0].record = &records[1];
	db[1] = member("c3", C3, &c3_links[0], "veth0f1e2d", "10.89.0.3/24");
	db[1].record = &records[2];
	db[1].mark = "down";
}

static int make(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	c1_addresses[0] = (struct address_info){ .index = 2,
						 .a = prefix("fe80::1/64"),
						 .scope = 253 /* link */ };
	add_ns(HOST, "host", host_links, 3, in_host, 1);
	add_ns(C1, "c1", c1_links, 2, in_c1, 3);
	add_ns(C2, "c2", c2_links, 2, in_c2, 1);
	add_ns(STRANGER, NULL, stranger_links, 1, NULL, 0);
	add_ns(C3, "c3", c3_links, 1, in_c3, 1);
	add_ns(C4, "c4", c4_links, 1, NULL, 0);
	add_ns(C5, "c5", NULL, 0, NULL, 0);
	namespaces[C1].view.addresses = c1_addresses;
	namespaces[C1].view.n_addresses = 1;
	namespaces[STRANGER].view.processes = (struct netns_processes){ nginx, 1 };
	make_members();
	networks[0] = (struct network){
		.name = S("web"), .file = S("f"), .masquerade = true, .isolate = true
	};
	networks[1] = (struct network){
		.name = S("db"), .file = S("f"), .internal = true, .isolate = true
	};
	rooms[0] = (struct picture_room){ "web",
					  "bridge",
					  "nsr-web",
					  &networks[0],
					  &host_links[1],
					  addresses("10.88.0.1/24", "fd00:88::1/64"),
					  web,
					  3 };
	rooms[1] = (struct picture_room){ "db",
					  "bridge",
					  "nsr-db",
					  &networks[1],
					  &host_links[2],
					  addresses("10.89.0.1/24", NULL),
					  db,
					  2 };
	cable.a = (struct picture_end){ C1, &c1_links[1], addresses("10.99.0.1/30", NULL) };
	cable.b = (struct picture_end){ C4, &c4_links[0], addresses("10.99.0.2/30", NULL) };
	cable.record = &link_record;
	alone[0] = (struct picture_alone){ "c5", C5, S("loopback only") };
	alone[1] = (struct picture_alone){ "c6", HOST, S("host's network") };
	problems[0] = (struct picture_problem){ "c3", "db", S("c3 eth0 has no carrier"),
						S("nsrun netns show c3") };
	problems[1] = (struct picture_problem){ NULL, "db", S("nsr-db is down"),
						S("nsrun network inspect db") };
	p.namespaces = namespaces;
	p.n_namespaces = NAMESPACES;
	p.uplink.link = &host_links[0];
	p.uplink.addresses = addresses("192.0.2.10/24", NULL);
	ip_addr_parse("192.0.2.1", &p.uplink.gateway, NULL);
	p.forwarding = p.forwarding6 = true;
	p.rooms = rooms;
	p.n_rooms = 2;
	p.cables = &cable;
	p.n_cables = 1;
	p.alone = alone;
	p.n_alone = 2;
	p.problems = problems;
	p.n_problems = 1;
	style = (struct graph_style){ .width = 80 };
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	for (size_t i = 0; i < NAMESPACES; i++)
		free(namespaces[i].peers);
	for (size_t i = 0; i < 3; i++)
		free(web[i].addresses.v);
	free(db[0].addresses.v);
	free(db[1].addresses.v);
	free(rooms[0].addresses.v);
	free(rooms[1].addresses.v);
	free(cable.a.addresses.v);
	free(cable.b.addresses.v);
	free(p.uplink.addresses.v);
	return 0;
}

typedef void writer(const struct picture *, const struct graph_style *, struct strbuf *);

static void draws(writer *write, const char *expected)
{
	cleanup_strbuf struct strbuf out = { 0 };

	write(&p, &style, &out);
	assert_string_equal(out.s, expected);
}

static void holds(writer *write, const char *part)
{
	cleanup_strbuf struct strbuf out = { 0 };

	write(&p, &style, &out);
	if (!strstr(out.s, part))
		fail_msg("no \"%s\" in:\n%s", part, out.s);
}

static void lacks(writer *write, const char *part)
{
	cleanup_strbuf struct strbuf out = { 0 };

	write(&p, &style, &out);
	if (strstr(out.s, part))
		fail_msg("\"%s\" is in:\n%s", part, out.s);
}

static void test_text(void **state)
{
	(void)state;
	draws(graph_text,
	      "host  eth0 192.0.2.10/24, default route via 192.0.2.1             forwarding on\n"
	      "├─ web  bridge nsr-web  10.88.0.1/24 fd00:88::1/64  nat"
	      "               3 members\n"
	      "│  ├─ c1    eth0  10.88.0.2  veth1a2b3c  0.0.0.0:8080 -> 80/tcp\n"
	      "│  │  └─ side, logger share this namespace\n"
	      "│  ├─ c2    eth0  10.88.0.3  veth5d6e7f\n"
	      "│  └─ ?     eth0  10.88.0.9  vethp0      pid 4711 nginx, not made by nsrun\n"
	      "├─ db   bridge nsr-db   10.89.0.1/24  internal"
	      "                        2 members\n"
	      "│  ├─ c2    eth1  10.89.0.2  veth9a8b7c\n"
	      "│  └─ c3    eth0  10.89.0.3  veth0f1e2d  ! down\n"
	      "├─ link  c1 lnk0 10.99.0.1/30 ── 10.99.0.2/30 lnk0 c4\n"
	      "└─ alone: c5 (loopback only), c6 (host's network)\n"
	      "1 problem: c3 eth0 has no carrier                      see: nsrun netns show c3\n");
}

static void test_ascii(void **state)
{
	cleanup_strbuf struct strbuf out = { 0 };

	(void)state;
	style.ascii = true;
	holds(graph_text, "\n|  |- c1    eth0 ");
	holds(graph_text, "\n|  |  `- side, logger share this namespace\n");
	holds(graph_text, "\n|- link  c1 lnk0 10.99.0.1/30 -- 10.99.0.2/30 lnk0 c4\n");
	graph_text(&p, &style, &out);
	for (size_t i = 0; i < out.len; i++)
		assert_true((unsigned char)out.s[i] < 0x80);
}

static void test_all(void **state)
{
	(void)state;
	lacks(graph_text, "02:00:00:00:00:01");
	lacks(graph_text, "fe80");
	lacks(graph_dot, "02:00:00:00:00:01");
	style.all = true;
	holds(graph_text, " eth0  10.88.0.2 fe80::1  veth1a2b3c  02:00:00:00:00:01 mtu 1500  0.0.");
	holds(graph_dot, "[shape=box, label=\"eth0\\n10.88.0.2/24\\nfe80::1/64\\n"
			 "02:00:00:00:00:01 mtu 1500\"];");
}

static void test_width(void **state)
{
	(void)state;
	style.width = 30; /* nothing is cut; what does not fit follows after two spaces */
	holds(graph_text, "via 192.0.2.1  forwarding on\n");
	holds(graph_text, "└─ alone: c5 (loopback only),\n          c6 (host's network)\n");
	style.width = 100;
	holds(graph_text, "nat                                   3 members\n");
}

static void test_problems(void **state)
{
	(void)state;
	p.n_problems = 2;
	p.n_unreadable = 2;
	p.n_left_out = 1;
	holds(graph_text, "\n2 problems:\n"
			  "  c3 eth0 has no carrier                     "
			  "          see: nsrun netns show c3\n"
			  "  nsr-db is down                             "
			  "     see: nsrun network inspect db\n"
			  "not looked into: 2 namespaces, which needs CAP_SYS_ADMIN\n"
			  "not looked into: 1 namespace, beyond the first 2048\n");
	holds(graph_dot, "if_c3_eth0 [shape=box, color=red, fontcolor=red, "
			 "label=\"eth0\\n10.89.0.3/24\\n! down\"];");
	holds(graph_mermaid, "if_c3_eth0[\"eth0<br/>10.89.0.3/24<br/>! down\"]:::wrong\n");
	holds(graph_mermaid, "classDef wrong ");
}

static void test_empty(void **state)
{
	(void)state;
	p.n_rooms = p.n_cables = p.n_alone = p.n_problems = 0;
	p.uplink.link = NULL;
	p.forwarding = false;
	draws(graph_text, "host  no default route                             "
			  "forwarding on for IPv6 alone\n");
	holds(graph_dot, "graph nsrun {\n");
	draws(graph_mermaid, "flowchart TB\n    subgraph ns_host[\"host, c6\"]\n    end\n");
}

/* A network not used yet; one that is built in and unused; a bridge of somebody else's. */
static void test_rooms(void **state)
{
	(void)state;
	rooms[0].link = NULL;
	rooms[0].n_members = 0;
	rooms[1].name = NULL;
	rooms[1].network = NULL;
	holds(graph_text, "├─ web  bridge nsr-web  10.88.0.1/24 fd00:88::1/64  nat, no ");
	holds(graph_text, "├─ ?    bridge nsr-db   10.89.0.1/24  not made by nsrun ");
	holds(graph_dot, "br_nsr_2ddb [shape=hexagon, label=\"nsr-db\\n10.89.0.1/24\\n"
			 "not made by nsrun\"];");
	networks[0].file = NULL;
	lacks(graph_text, "web");
	lacks(graph_mermaid, "web");
	style.all = true;
	holds(graph_text, "├─ web  bridge");
}

static void test_members(void **state)
{
	struct publish ports[] = {
		{ .host_port = 8000, .container_port = 80, .count = 3, .protocol = IPPROTO_UDP },
		{ .host_port = 443, .container_port = 443, .count = 1, .protocol = IPPROTO_TCP },
	};
	struct picture_container gone = containers[0];
	const struct picture_container *in[] = { &gone };

	(void)state;
	ip_addr_parse("fd00::1", &ports[1].host_ip, NULL);
	web[0].ports = ports;
	web[0].n_ports = 2;
	holds(graph_text, "  0.0.0.0:8000-8002 -> 80-82/udp, [fd00::1]:443 -> 443/tcp\n");
	gone.pid = 0;
	namespaces[C1].containers = in;
	namespaces[C1].n_containers = 1;
	records[0].complete = false;
	web[0].n_ports = 0;
	holds(graph_text, "c1    eth0  10.88.0.2  veth1a2b3c  (stopped)  (unfinished)\n");
	/* Not seen: no namespace, no link. */
	web[0].ns = web[2].ns = PICTURE_NOWHERE;
	web[0].link = web[2].link = NULL;
	web[2].ifname = NULL;
	web[2].addresses.n = 0;
	holds(graph_text, "  └─ ?     ?                vethp0      not made by nsrun\n");
	holds(graph_dot, "net_web -- if__vethp0 [style=solid, label=\"vethp0\"];");
	holds(graph_dot, "net_web -- if_c1_eth0 [style=solid, label=\"veth1a2b3c\"];");
	holds(graph_dot, "subgraph cluster_ns_c1 {");
}

static void test_cables(void **state)
{
	struct picture_addresses kept = cable.b.addresses;

	(void)state;
	cable.b = (struct picture_end){ .ns = PICTURE_NOWHERE };
	holds(graph_text, "├─ link  c1 lnk0 10.99.0.1/30 ── ?\n");
	holds(graph_dot, "if_c1_lnk0 -- if_c1_lnk0_peer [style=solid");
	c1_links[1].carrier = false;
	holds(graph_text, "── ?  ! down\n");
	cable.record = NULL;
	holds(graph_text, "── ?  not made by nsrun  ! down\n");
	c1_links[1].carrier = true;
	/* Between other people's namespaces, which have no name. */
	cable.a.ns = cable.b.ns = STRANGER;
	lacks(graph_text, "link");
	lacks(graph_dot, "lnk0 --");
	style.all = true;
	holds(graph_text, "link  ? lnk0");
	cable.b.addresses = kept;
}

/* Two of one name, one without. */
static void test_ids(void **state)
{
	(void)state;
	namespaces[C4].name = "c1";
	holds(graph_dot, "\tif_c1_lnk0 -- if_4026531845_lnk0 ");
	holds(graph_mermaid, "    net_web ---|\"vethp0\"| if_4026531843_eth0\n");
	holds(graph_dot, "label=\"? pid 4711 nginx\"");
	namespaces[C1].name = "a_b.c-1";
	holds(graph_dot, "if_a_5fb_2ec_2d1_eth0");
}

/* A process may call itself anything, and so may whoever names a link or a namespace. */
static void test_hostile_names(void **state)
{
	(void)state;
	snprintf(nginx[0].program, sizeof(nginx[0].program), "\"]<\\#&\n");
	snprintf(stranger_links[0].name, IFNAMSIZ, "e\033[2J\"");
	holds(graph_text, "e?[2J\"");
	holds(graph_dot, "label=\"? pid 4711 \\\"]<\\\\#&\\n\"");
	holds(graph_dot, "label=\"e?[2J\\\"\\n10.88.0.9/24\\nnot made by nsrun\"");
	holds(graph_mermaid, "[\"? pid 4711 #34;]#60;\\#35;#38;<br/>\"]");
	lacks(graph_text, "\033");
	lacks(graph_dot, "\033");
	lacks(graph_mermaid, "\033");
	snprintf(nginx[0].program, sizeof(nginx[0].program), "nginx");
	snprintf(stranger_links[0].name, IFNAMSIZ, "eth0");
}

static void test_json(void **state)
{
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_json struct json_doc d = { 0 };
	const struct json *net, *m;

	(void)state;
	graph_json(&p, &out);
	assert_int_equal(json_parse(out.s, out.len, "graph", &d, NULL), 0);
	assert_string_equal(json_get_string(d.root, "schema"), "nsrun.graph/1");
	assert_int_equal(json_get(d.root, "namespaces")->n, NAMESPACES);
	net = json_get(d.root, "networks")->first;
	assert_string_equal(json_get_string(net, "id"), "net_web");
	m = json_get(net, "members")->first;
	assert_string_equal(json_get_string(m, "id"), "if_c1_eth0");
	assert_string_equal(json_get_string(m, "namespace"), "ns_c1");
	assert_string_equal(json_get_string(json_get(m, "ports")->first, "id"),
			    "port_tcp_8080_0_2e0_2e0_2e0");
	m = m->next->next;
	assert_int_equal(json_get(m, "container")->type, JSON_NULL);
	m = json_get(json_get(d.root, "links")->first, "b");
	assert_string_equal(json_get_string(m, "name"), "c4");
	assert_string_equal(json_get_string(json_get(d.root, "problems")->first, "see"),
			    "nsrun netns show c3");
}

static void test_locale(void **state)
{
	(void)state;
	setenv("LC_ALL", "", 1);
	setenv("LC_CTYPE", "", 1);
	setenv("LANG", "", 1);
	assert_true(graph_ascii_locale());
	setenv("LANG", "de_DE.UTF-8", 1);
	assert_false(graph_ascii_locale());
	setenv("LC_CTYPE", "C", 1);
	assert_true(graph_ascii_locale());
	setenv("LC_ALL", "C.utf8", 1);
	assert_false(graph_ascii_locale());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text),     TEST(test_ascii), TEST(test_all),	 TEST(test_width),
		TEST(test_problems), TEST(test_empty), TEST(test_rooms), TEST(test_members),
		TEST(test_cables),   TEST(test_ids),   TEST(test_json),	 TEST(test_hostile_names),
		TEST(test_locale),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}

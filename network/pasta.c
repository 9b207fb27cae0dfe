/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * $ pasta -f -q --config-net -I eth0 -T none -U none --no-map-gw --dns-forward 169.254.1.1
 *	-P /proc/self/fd/1 -t 8080:80 -u none --netns-only --netns /proc/self/fd/0
 *
 *	argv[0]		tells ps(1), and a delete that has no record, whose it is
 *	-f		no fork: what we started is what runs
 *	-T, -U none	the host's loopback stays out of the container's reach ...
 *	--no-map-gw	... by the gateway's address as well
 *	-P fd/1		writes its pid, once all is done, into our pipe: a path would have to suit
 *			the AppArmor profile that Debian has for it
 *	--netns fd/0	what that profile lets it open: /proc/PID/ns would need a ptrace rule, which
 *			Debian 12's has not. It is born in the container's user namespace, too
 */
#include "network/pasta.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/privilege.h"
#include "network/attach_record.h"
#include "network/ports.h"
#include "network/rtnl.h"

#define READY_TIMEOUT_MS 30000
#define END_TIMEOUT_MS	 10000
#define IFNAME_DEFAULT	 "eth0"
#define TUN		 "/dev/net/tun"
#define FIXED_ARGS	 24 /* what args_make() adds, but ports, and NULL */

/* CAP_NET_ADMIN counts in the user namespace that owns the network namespace; a shell of `podman
 * unshare` has it in another. The kernel tells the owner only if it is ours or below. */
bool pasta_is_needed(void)
{
	cleanup_close int net = -1, owner = -1;
	struct stat a, b;

	if (!privilege_has(CAP_NET_ADMIN))
		return true;
	net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net < 0 || (owner = ioctl(net, NS_GET_USERNS)) < 0)
		return errno == EPERM;
	return fstat(owner, &a) == 0 && stat("/proc/self/ns/user", &b) == 0 && a.st_ino != b.st_ino;
}

/* ---- what can be refused ---- */

static uint16_t first_unprivileged_port(void)
{
	cleanup_free char *text = NULL;
	long long v = 1024;

	if (file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", false, 16, &text,
		      NULL, NULL) == 0) {
		text[strcspn(text, "\n")] = '\0';
		if (str_to_int64(text, 0, 65536, &v) < 0 || v > UINT16_MAX)
			v = 1024;
	}
	return (uint16_t)v;
}

static int check_port(const struct publish *p, uint16_t first, struct error *e)
{
	if (p->protocol == IPPROTO_SCTP)
		return error_set(e, ERR_UNSUPPORTED,
				 "port %u/sctp: pasta forwards tcp and udp alone", p->host_port);
	if (!p->host_port || p->host_port >= first || privilege_has(CAP_NET_BIND_SERVICE))
		return 0;
	error_set(e, ERR_INPUT, "port %u/%s: uid %u may publish ports from %u on", p->host_port,
		  publish_protocol(p->protocol), (unsigned int)geteuid(), first);
	return error_hint(e, "choose another, or as root: sysctl -w "
			     "net.ipv4.ip_unprivileged_port_start=%u",
			  p->host_port);
}

int pasta_check(const struct pasta_options *o, char **ret_path, struct error *e)
{
	static const bool both[IP_FAMILIES] = { true, true };
	cleanup_free char *path = program_find("pasta");
	uint16_t first;

	if (!path) {
		error_set(e, ERR_UNSUPPORTED,
			  "rootless networking needs the program pasta; not in PATH");
		return error_hint(e, "install passt, or --network none");
	}
	if (access(TUN, R_OK | W_OK) < 0) {
		error_errno(e, "rootless networking needs \"" TUN "\"");
		return error_hint(e, "as root: %s", errno == ENOENT ? "modprobe tun" :
								       "chmod 0666 " TUN);
	}
	first = o->n_ports ? first_unprivileged_port() : 0;
	for (size_t i = 0; i < o->n_ports; i++)
		if (check_port(&o->ports[i], first, e) < 0)
			return -1;
	if (ports_check(o->ports, o->n_ports, both, e) < 0 ||
	    ports_pick(o->ports, o->n_ports, both, (uint64_t)getpid() * 7919, e) < 0)
		return -1;
	*ret_path = steal_ptr(&path);
	return 0;
}

/* ---- the command line ---- */

/* "192.0.2.1/8080-8089:80-89" */
static char *port_spec(const struct publish *p)
{
	char ip[IP_TEXT_MAX];
	const char *host = p->host_ip.family ? ip_addr_text(&p->host_ip, ip) : "",
		   *slash = p->host_ip.family ? "/" : "";

	if (p->count == 1)
		return xasprintf("%s%s%u:%u", host, slash, p->host_port, p->container_port);
	return xasprintf("%s%s%u-%u:%u-%u", host, slash, p->host_port, p->host_port + p->count - 1,
			 p->container_port, p->container_port + p->count - 1);
}

struct args {
	char **v;
	size_t n;
};

static void args_done(struct args *a)
{
	strings_free(a->v, a->n);
}

static void args_add(struct args *a, const char *option, const char *value)
{
	a->v[a->n++] = xstrdup(option);
	if (value)
		a->v[a->n++] = xstrdup(value);
}

/* None of a protocol must be said, or pasta forwards what it finds. */
static void add_ports(struct args *a, const struct pasta_options *o, uint8_t protocol,
		      const char *option)
{
	size_t before = a->n;

	for (size_t i = 0; i < o->n_ports; i++) {
		cleanup_free char *spec = NULL;

		if (o->ports[i].protocol != protocol)
			continue;
		spec = port_spec(&o->ports[i]);
		args_add(a, option, spec);
	}
	if (a->n == before)
		args_add(a, option, "none");
}

static void args_make(struct args *a, const struct pasta_options *o)
{
	a->v = xcalloc(FIXED_ARGS + 2 * o->n_ports, sizeof(*a->v));
	args_add(a, o->name ? o->name : "pasta", NULL);
	args_add(a, "-f", NULL);
	args_add(a, "-q", NULL);
	args_add(a, "--config-net", NULL);
	args_add(a, "-I", o->ifname ? o->ifname : IFNAME_DEFAULT);
	args_add(a, "-T", "none");
	args_add(a, "-U", "none");
	args_add(a, "--no-map-gw", NULL);
	args_add(a, "--dns-forward", PASTA_DNS);
	args_add(a, "-P", "/proc/self/fd/1");
	add_ports(a, o, IPPROTO_TCP, "-t");
	add_ports(a, o, IPPROTO_UDP, "-u");
	args_add(a, "--netns-only", NULL);
	args_add(a, "--netns", "/proc/self/fd/0");
}

int pasta_spawn(const char *path, const struct pasta_options *o, pid_t pid, bool userns,
		struct program *ret, uint64_t *ret_start_time, struct error *e)
{
	cleanup(args_done) struct args a = { 0 };
	cleanup_program struct program p = PROGRAM_INIT;
	cleanup_free char *user = xasprintf("/proc/%d/ns/user", (int)pid);
	cleanup_free char *net = xasprintf("/proc/%d/ns/net", (int)pid);
	struct program_place place = { .userns = userns ? user : NULL, .in = net };
	char state;

	args_make(&a, o);
	if (program_spawn(path, a.v, &place, &p, e) < 0 ||
	    process_stat(p.process.pid, &state, ret_start_time, e) < 0)
		return -1;
	*ret = p;
	p = PROGRAM_INIT;
	return 0;
}

/* ---- its beginning and its end ---- */

static int await_ready(const struct program *p, struct error *e)
{
	struct pollfd fds = { .fd = p->out, .events = POLLIN };
	cleanup_free char *words = NULL;
	char pid[16];
	int n;

	do
		n = poll(&fds, 1, READY_TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(e, "poll");
	if (n == 0)
		return error_set(e, ETIMEDOUT, "pasta: no network within %d s",
				 READY_TIMEOUT_MS / 1000);
	if (read(p->out, pid, sizeof(pid)) > 0)
		return 0;
	words = program_words(p);
	return error_set(e, ERR_GENERIC, "pasta: %s", *words ? words : "it ended");
}

static int read_addresses(struct rtnl *r, int index, struct attachment *a, struct error *e)
{
	cleanup_free struct address_info *addresses = NULL;
	cleanup_free struct route_info *routes = NULL;
	size_t n = 0;

	if (rtnl_address_list(r, &addresses, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (addresses[i].index == index && addresses[i].scope == RT_SCOPE_UNIVERSE)
			a->addresses[ip_version_of(&addresses[i].a.addr)] = addresses[i].a;
	if (rtnl_route_list(r, &routes, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (routes[i].index == index && !routes[i].has_dst && routes[i].has_gateway)
			a->gateways[ip_version_of(&routes[i].gateway)] = routes[i].gateway;
	return 0;
}

static int read_result(const struct pasta_options *o, int container_nl, struct attach_result *ret,
		       struct error *e)
{
	const char *ifname = o->ifname ? o->ifname : IFNAME_DEFAULT;
	cleanup_attach_result struct attach_result out = { 0 };
	struct link_info link;
	struct rtnl r;
	char mac[18];
	int n;

	rtnl_adopt(container_nl, &r); /* the caller's: not closed here */
	n = rtnl_link_get(&r, 0, ifname, &link, e);
	if (n == 0)
		error_set(e, ERR_GENERIC, "pasta: it has made no \"%s\"", ifname);
	if (n <= 0)
		return -1;
	out.attachments = xcalloc(1, sizeof(*out.attachments));
	out.n_attachments = 1;
	out.attachments[0].network = xstrdup(PASTA_NETWORK);
	out.attachments[0].ifname = xstrdup(ifname);
	out.attachments[0].mac = xstrdup(mac_text(link.mac, mac));
	if (read_addresses(&r, link.index, &out.attachments[0], e) < 0)
		return -1;
	out.ports = xcalloc(o->n_ports, sizeof(*out.ports));
	for (size_t i = 0; i < o->n_ports; i++)
		out.ports[out.n_ports++] = o->ports[i];
	*ret = out;
	memset(&out, 0, sizeof(out));
	return 0;
}

int pasta_begin(struct program *p, const struct pasta_options *o, int container_nl,
		struct attach_result *ret, struct error *e)
{
	cleanup_free char *words = NULL;

	if (program_go(p, e) < 0 || await_ready(p, e) < 0)
		return -1;
	words = program_words(p);
	if (*words)
		log_debug("pasta: %s", words);
	return read_result(o, container_nl, ret, e);
}

/* The directory's own owner is root: pasta may not be traced. */
static bool is_users(int dir_fd, uid_t uid)
{
	cleanup_free char *text = NULL;
	const char *line;

	if (file_read(dir_fd, "status", false, 16384, &text, NULL, NULL) < 0)
		return false;
	line = strstr(text, "\nUid:\t");
	return line && strtoul(line + strlen("\nUid:\t"), NULL, 10) == uid;
}

static bool is_called(int dir_fd, const char *name)
{
	char text[512];
	cleanup_close int fd = openat(dir_fd, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0'; /* the arguments end at a NUL each */
	return str_eq(text, name);
}

/* Opened before it is looked at: a pid used again meanwhile is no longer the pidfd's. */
static int look_at(int proc, const char *entry, const char *name, pid_t *ret_pid,
		   uint64_t *ret_start_time)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	cleanup_close int dir = -1;
	long long pid;
	uint64_t start;
	char state;

	if (str_to_int64(entry, 1, INT32_MAX, &pid) < 0 || process_open((pid_t)pid, &p, NULL) < 0)
		return 0;
	dir = openat(proc, entry, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !is_called(dir, name) || !is_users(dir, geteuid()) ||
	    process_stat(p.pid, &state, &start, NULL) < 0 || !process_alive(&p))
		return 0;
	*ret_pid = p.pid;
	*ret_start_time = start;
	return 1;
}

int pasta_find(const char *name, pid_t *ret_pid, uint64_t *ret_start_time, struct error *e)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	if (!proc)
		return error_errno(e, "open \"/proc\"");
	while (found == 0 && (entry = readdir(proc)))
		found = look_at(dirfd(proc), entry->d_name, name, ret_pid, ret_start_time);
	closedir(proc);
	return found;
}

int pasta_end(pid_t pid, uint64_t start_time, struct error *e)
{
	cleanup(process_release) struct process p = PROCESS_INIT;
	int status, n;

	n = pid > 0 ? process_open_same(pid, start_time, &p, e) : 0;
	if (n <= 0)
		return n;
	process_signal(&p, SIGKILL);
	n = process_wait(&p, END_TIMEOUT_MS, &status, e);
	if (n == 0)
		return error_set(e, ERR_BUSY, "pasta, process %d, does not end", (int)pid);
	return n < 0 ? -1 : 0;
}

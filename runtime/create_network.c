/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network's part of create: which networks there will be, the generated files (resolv.conf,
 * hosts, hostname: made empty, bound by init, filled by create_claim_network), and the attachment,
 * in two halves. What needs only the host's side is claimed while init makes its namespace; the
 * links, and devices of the host that are to move in, follow as soon as that is there.
 */
#include "runtime/create_network.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "network/netdev.h"
#include "network/netns.h"
#include "network/pasta.h"
#include "network/rtnl.h"
#include "runtime/sync.h"

static const char *const generated[3] = { "resolv.conf", "hosts", "hostname" };

/* linux.netDevices as network/ asks for them. The caller frees the array, not the names. */
static struct netdev_request *device_requests(const struct oci_linux *l)
{
	struct netdev_request *v = xcalloc(l->n_netDevices, sizeof(*v));

	for (size_t i = 0; i < l->n_netDevices; i++)
		v[i] = (struct netdev_request){ .name = l->netDevices[i].key,
						.inside = l->netDevices[i].name };
	return v;
}

static int check_devices(const struct create *c, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;
	cleanup_free struct netdev_request *v = NULL;

	if (l->n_netDevices == 0)
		return 0;
	v = device_requests(l);
	if (netdev_check(v, l->n_netDevices, e) < 0)
		return error_wrap(e, "config.json: linux.netDevices");
	return 0;
}

static struct pasta_options pasta_options(const struct create *c)
{
	return (struct pasta_options){ .ifname = c->network.requests[0].ifname,
				       .ports = c->network.ports,
				       .n_ports = c->network.n_ports };
}

int create_plan_network(struct create *c, struct error *e)
{
	struct attach_options o = { .dirs = &c->rt->net_dirs, .container_id = c->o->id };

	if (network_plan(c->rt, &c->o->network, &c->config, &c->network, e) < 0 ||
	    check_devices(c, e) < 0)
		return -1;
	if (!c->network.attach)
		return 0;
	if (c->network.pasta) {
		struct pasta_options p = pasta_options(c);

		return pasta_check(&p, &c->pasta_path, e);
	}
	if (record_instance(&c->record.instance, e) < 0)
		return -1;
	o.instance = c->record.instance;
	o.requests = c->network.requests;
	o.n_requests = c->network.n_requests;
	o.ports = c->network.ports;
	o.n_ports = c->network.n_ports;
	return attach_check(&o, e);
}

static bool config_mounts_at(const struct oci_config *config, const char *target)
{
	for (size_t i = 0; i < config->n_mounts; i++) {
		cleanup_free char *destination = path_clean(config->mounts[i].destination);

		if (strcmp(destination, target) == 0)
			return true;
	}
	return false;
}

int create_plan_binds(struct create *c, struct error *e)
{
	static const char *const targets[3] = { "/etc/resolv.conf", "/etc/hosts", "/etc/hostname" };
	cleanup_free char *own = xasprintf("%s/%s/etc", c->rt->root, c->o->id);
	const char *dir = c->network.attach ? own : c->network.owner_files;

	(void)e;
	if (!dir)
		return 0;
	if (!(c->namespaces.new_flags & CLONE_NEWNS)) {
		log_warning("no generated /etc/resolv.conf, hosts and hostname in the container: "
			    "it has no mount namespace of its own");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (config_mounts_at(&c->config, targets[i]))
			continue;
		c->bind_sources[c->n_binds] = xasprintf("%s/%s", dir, generated[i]);
		c->binds[c->n_binds] = (struct rootfs_bind){ .source = c->bind_sources[c->n_binds],
							     .target = targets[i] };
		c->n_binds++;
	}
	return 0;
}

int create_network_files(struct create *c, struct error *e)
{
	cleanup_close int etc = -1;

	if (!c->network.attach)
		return 0;
	if (mkdirat(c->record.dir_fd, "etc", 0755) < 0)
		return error_errno(e, "make the directory of generated files");
	etc = openat(c->record.dir_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0 || fchmod(etc, 0755) < 0)
		return error_errno(e, "open the directory of generated files");
	for (size_t i = 0; i < ARRAY_SIZE(generated); i++) {
		cleanup_close int fd =
			openat(etc, generated[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || fchmod(fd, 0644) < 0)
			return error_errno(e, "make \"%s\"", generated[i]);
	}
	return 0;
}

int create_bind_targets(struct create *c, struct error *e)
{
	size_t kept = 0;

	(void)e;
	for (size_t i = 0; i < c->n_binds; i++) {
		ERROR_INIT(why);
		cleanup_close int fd =
			path_touch_in_root(c->root_fd, c->binds[i].target, 0644, &why);

		if (fd >= 0)
			c->binds[kept++] = c->binds[i];
		else
			log_warning("no generated \"%s\" in the container: %s", c->binds[i].target,
				    why.msg);
	}
	c->n_binds = kept;
	return 0;
}

static int write_names(struct create *c, const struct attach_result *result, struct error *e)
{
	struct names_options names = { .hostname = c->config.hostname,
				       .dns = c->o->network.dns,
				       .n_dns = c->o->network.n_dns,
				       .dns_search = c->o->network.dns_search,
				       .n_dns_search = c->o->network.n_dns_search,
				       .dns_options = c->o->network.dns_options,
				       .n_dns_options = c->o->network.n_dns_options,
				       .dns_else = c->network.pasta ? PASTA_DNS : NULL,
				       .add_hosts = c->o->network.add_hosts,
				       .n_add_hosts = c->o->network.n_add_hosts,
				       .result = result };
	cleanup_close int etc = -1;

	names.hostname = names.hostname ? names.hostname : c->o->id;
	etc = openat(c->record.dir_fd, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return error_errno(e, "open the directory of generated files");
	return names_write(etc, &names, e);
}

/* Who it is goes to disk before it does anything: so `delete` finds it, whatever becomes of us. */
static int hold_pasta(struct create *c, struct error *e)
{
	cleanup_free char *name = record_pasta_name(&c->record);
	struct pasta_options o = pasta_options(c);
	struct record *r = &c->record;

	o.name = name;
	if (pasta_spawn(c->pasta_path, &o, c->process.pid,
			namespaces_has(&c->namespaces, CLONE_NEWUSER), &c->pasta,
			&r->pasta_start_time, e) < 0)
		return -1;
	r->pasta_pid = c->pasta.process.pid;
	return record_save(r, e);
}

int create_claim_network(struct create *c, struct error *e)
{
	struct attach_options o = { .dirs = &c->rt->net_dirs,
				    .instance = c->record.instance,
				    .container_id = c->o->id,
				    .hostname = c->config.hostname,
				    .requests = c->network.requests,
				    .n_requests = c->network.n_requests,
				    .ports = c->network.ports,
				    .n_ports = c->network.n_ports,
				    .dns = (const char *const *)c->o->network.dns,
				    .n_dns = c->o->network.n_dns,
				    .no_ipv6 = namespaces_without_ipv6(&c->config) };

	if (!c->network.attach)
		return 0;
	if (c->network.pasta)
		return hold_pasta(c, e);
	if (attach_begin(&o, &c->attach, e) < 0)
		return -1;
	return write_names(c, attach_planned(c->attach), e);
}

int create_await_netns(struct create *c, struct error *e)
{
	return c->init.offer_netns ? sync_await(c->sync, SYNC_NETNS, NULL, &c->netlink, e) : 0;
}

/* What attach_finish() does where there is something to attach. */
static int set_lo_up(int nl, struct error *e)
{
	static const struct endpoint_spec lo_alone = { 0 };
	struct rtnl r;

	rtnl_adopt(nl, &r);
	return rtnl_endpoint_configure(&r, &lo_alone, e);
}

static int attach_by_pasta(struct create *c, int container_nl, struct error *e)
{
	struct pasta_options o = pasta_options(c);

	if (pasta_begin(&c->pasta, &o, container_nl, &c->record.pasta, e) < 0)
		return -1;
	return write_names(c, &c->record.pasta, e);
}

/* Its addresses were not known when the names were written. */
static bool has_chain(const struct attach_result *r)
{
	for (size_t i = 0; i < r->n_attachments; i++)
		if (r->attachments[i].chain)
			return true;
	return false;
}

int create_attach_network(struct create *c, struct error *e)
{
	cleanup_close int nl = steal_fd(&c->netlink); /* open, it would keep the namespace */
	cleanup_close int netns = -1;
	struct attach *a = steal_ptr(&c->attach);

	if (!c->init.offer_netns)
		return 0;
	if (c->network.pasta)
		return attach_by_pasta(c, nl, e);
	if (netns_open_pid(c->process.pid, &netns, e) < 0 ||
	    netns_inode(netns, &c->record.netns_inode, e) < 0 ||
	    netns_pin(c->o->id, netns, e) < 0) {
		attach_forget(a);
		return -1;
	}
	if (!a)
		return set_lo_up(nl, e);
	if (attach_finish(a, netns, nl, &c->attached, e) < 0)
		return -1;
	return has_chain(&c->attached) ? write_names(c, &c->attached, e) : 0;
}

/* A joined namespace as we opened it: init need not be there yet. */
static int joined_netns(const struct create *c)
{
	for (size_t i = 0; i < c->namespaces.n_joins; i++)
		if (c->namespaces.joins[i].flags & CLONE_NEWNET)
			return c->namespaces.joins[i].fd;
	return -1;
}

int create_move_devices(struct create *c, struct error *e)
{
	const struct oci_linux *l = c->config.linux_;
	cleanup_free struct netdev_request *v = NULL;
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_close int own = -1;
	struct netdev_options o = { .instance = c->record.instance,
				    .container_id = c->o->id,
				    .netns = c->network.pin ? c->record.netns_path :
							      c->network.join_path,
				    .netns_fd = joined_netns(c),
				    .inside = &inside,
				    .n = l->n_netDevices };

	if (l->n_netDevices == 0)
		return 0;
	if (c->network.pin) {
		if (netns_open_pid(c->process.pid, &own, e) < 0)
			return -1;
		o.netns_fd = own;
	}
	o.v = v = device_requests(l);
	if (rtnl_open_in(o.netns_fd, &inside, e) < 0 || netdev_move(&o, e) < 0)
		return error_wrap(e, "config.json: linux.netDevices");
	return 0;
}

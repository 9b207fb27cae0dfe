/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-device: a device of the host's moves into the container, under the interface's name, and
 * comes back with DEL as it was (cni.dev/plugins/current/main/host-device). One of
 *
 *	{"type": "host-device", "device": "enp0s1"}		its name
 *	{..., "hwaddr": "52:54:00:00:00:01"}			its MAC
 *	{..., "kernelpath": "/sys/devices/pci0000:00/0000:00:1f.6"}
 *	{..., "pciBusID": "0000:00:1f.6"}
 *
 * and "ipam", "dns". The capability deviceID names a PCI device or one of the auxiliary bus
 * ("mlx5_core.sf.4"), and goes before pciBusID. A PCI device that a driver for user space has
 * (DPDK) has no interface: nothing moves, and the addresses are told, for the program to use.
 *
 * How devices move and come back is netdev.h's: with a record, whose key is made of the call's
 * network, container and interface; so what ADD began is undone whatever died when.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "network/attach.h"
#include "network/interface.h"
#include "network/netdev.h"
#include "network/plugins.h"

#define PCI_DEVICES	  "/sys/bus/pci/devices"
#define AUXILIARY_DEVICES "/sys/bus/auxiliary/devices"

struct host_device {
	const char *device, *kernelpath, *pci, *auxiliary;
	unsigned char mac[6];
	bool by_mac;
};

static bool pci_id_valid(const char *s)
{
	return *s && strlen(s) <= 32 && strspn(s, "0123456789abcdefABCDEF:.") == strlen(s) &&
	       s[0] != '.';
}

/* As "mlx5_core.sf.4": module, what it is, a number. */
static bool is_auxiliary(const char *s)
{
	cleanup_free char *path = NULL;

	if (!*s || strlen(s) > 64 || strchr(s, '/') || s[0] == '.')
		return false;
	path = xasprintf("%s/%s", AUXILIARY_DEVICES, s);
	return access(path, F_OK) == 0;
}

static int check_path(const struct cni_call *c, const char *path, struct error *e)
{
	if (!str_has_prefix(path, "/sys/devices/") || strstr(path, "/..") || strlen(path) > 1024)
		return interface_wrong(c, "kernelpath", e,
				       "\"%.200s\" is no path below /sys/devices", path);
	return 0;
}

static int decode(const struct cni_call *c, struct host_device *ret, struct error *e)
{
	const struct json *runtime = cni_call_runtime(c, "deviceID");
	struct decode_at at = interface_at(c);
	struct host_device d = { 0 };
	const char *mac;

	if (decode_string(&at, c->conf, "device", &d.device, e) < 0 ||
	    decode_string(&at, c->conf, "hwaddr", &mac, e) < 0 ||
	    decode_string(&at, c->conf, "kernelpath", &d.kernelpath, e) < 0 ||
	    decode_string(&at, c->conf, "pciBusID", &d.pci, e) < 0)
		return -1;
	if (runtime && runtime->type != JSON_STRING)
		return decode_wrong(&at, "runtimeConfig.deviceID", "a string", runtime, e);
	if (runtime && runtime->text[0]) {
		d.auxiliary = is_auxiliary(runtime->text) ? runtime->text : NULL;
		d.pci = d.auxiliary ? NULL : runtime->text;
	}
	if (mac && mac[0]) {
		if (mac_parse(mac, d.mac, e) < 0)
			return error_wrap(e, "%s: %s", at.file, "hwaddr");
		d.by_mac = true;
	}
	if (!(d.device && d.device[0]) && !d.by_mac && !(d.kernelpath && d.kernelpath[0]) &&
	    !(d.pci && d.pci[0]) && !d.auxiliary)
		return interface_wrong(c, "device", e,
				       "missing, and so are hwaddr, kernelpath and pciBusID");
	if (d.kernelpath && d.kernelpath[0] && check_path(c, d.kernelpath, e) < 0)
		return -1;
	if (d.pci && d.pci[0] && !pci_id_valid(d.pci))
		return interface_wrong(c, runtime ? "runtimeConfig.deviceID" : "pciBusID", e,
				       "\"%.40s\" is no PCI address%s", d.pci,
				       runtime ? ", and no auxiliary device of this host" : "");
	*ret = d;
	return 0;
}

/* ---- which device ---- */

/* The interfaces in FOLDER ("net" of a device), as sysfs shows them: of the namespace that mounted
 * it, so each must also be a link of ours. 1: *ret; 0: none. */
static int find_in(struct rtnl *host, const char *folder, struct link_info *ret)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	int found = 0;

	while (d && !found && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < IFNAMSIZ)
			found = rtnl_link_get(host, 0, entry->d_name, ret, NULL) == 1;
	if (d)
		closedir(d);
	return found;
}

static int find_by_path(struct rtnl *host, const char *path, struct link_info *ret)
{
	cleanup_free char *net = xasprintf("%s/net", path);

	return find_in(host, net, ret);
}

static int find_by_auxiliary(struct rtnl *host, const char *id, struct link_info *ret)
{
	cleanup_free char *path = xasprintf("%s/%s", AUXILIARY_DEVICES, id);

	return find_by_path(host, path, ret);
}

/* A virtio device stands between. */
static int find_by_pci(struct rtnl *host, const char *id, struct link_info *ret)
{
	cleanup_free char *path = xasprintf("%s/%s", PCI_DEVICES, id);
	struct dirent *entry;
	int found = find_by_path(host, path, ret);
	DIR *d = found ? NULL : opendir(path);

	while (d && !found && (entry = readdir(d)))
		if (str_has_prefix(entry->d_name, "virtio")) {
			cleanup_free char *virtio = xasprintf("%s/%s", path, entry->d_name);

			found = find_by_path(host, virtio, ret);
		}
	if (d)
		closedir(d);
	return found;
}

static int find_by_mac(struct rtnl *host, const unsigned char mac[6], struct link_info *ret,
		       struct error *e)
{
	cleanup_free struct link_info *v = NULL;
	size_t n;

	if (rtnl_link_list(host, &v, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!v[i].loopback && memcmp(v[i].mac, mac, 6) == 0) {
			*ret = v[i];
			return 1;
		}
	return 0;
}

static const char *device_name(const struct host_device *d, char mac[18])
{
	if (d->device && d->device[0])
		return d->device;
	if (d->by_mac)
		return mac_text(d->mac, mac);
	if (d->kernelpath && d->kernelpath[0])
		return d->kernelpath;
	return d->auxiliary ? d->auxiliary : d->pci;
}

/* In the documentation's order. */
static int find_device(struct rtnl *host, const struct host_device *d, struct link_info *ret,
		       struct error *e)
{
	char mac[18];
	int found;

	if (d->device && d->device[0])
		found = network_ifname_valid(d->device)
				? rtnl_link_get(host, 0, d->device, ret, e)
				: 0;
	else if (d->by_mac)
		found = find_by_mac(host, d->mac, ret, e);
	else if (d->kernelpath && d->kernelpath[0])
		found = find_by_path(host, d->kernelpath, ret);
	else if (d->auxiliary)
		found = find_by_auxiliary(host, d->auxiliary, ret);
	else
		found = find_by_pci(host, d->pci, ret);
	if (found)
		return found < 0 ? -1 : 0;
	return error_set(e, ERR_BUSY,
			 "no network device \"%.200s\" in the runtime's network namespace",
			 device_name(d, mac));
}

/* Whether the driver of the PCI device is one for programs, not for the kernel's network. */
static bool is_for_user_space(const struct host_device *d)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	cleanup_free char *link = NULL;
	char target[512];
	const char *name;
	ssize_t n;

	if (!d->pci || !d->pci[0])
		return false;
	link = xasprintf("%s/%s/driver", PCI_DEVICES, d->pci);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	for (size_t i = 0; name && i < ARRAY_SIZE(drivers); i++)
		if (str_eq(name + 1, drivers[i]))
			return true;
	return false;
}

/* ---- ADD, DEL, CHECK ---- */

/* The record's; letters and digits. */
static void record_key(const char *network, const char *container, const char *ifname,
		       char ret[32])
{
	cleanup_free char *call = xasprintf("%s/%s/%s", network, container, ifname);

	snprintf(ret, 32, "cni%016llx", (unsigned long long)attach_derive(call, 0, 'd'));
}

static int move(struct interface *f, const void *arg, struct error *e)
{
	const struct cni_call *c = f->call;
	struct link_info link, other;
	struct netdev_request q = { .inside = c->ifname };
	struct netdev_options o = { .container_id = c->container_id,
				    .netns = c->netns,
				    .netns_fd = f->netns,
				    .inside = &f->inside,
				    .bare = true,
				    .network = c->network,
				    .v = &q,
				    .n = 1 };
	char key[32];

	/* Before anything is on record: of a second ADD nothing is undone. */
	if (rtnl_link_get(&f->inside, 0, c->ifname, &other, e) != 0)
		return error_set(e, EEXIST, "interface %s is there", c->ifname);
	if (find_device(&f->host, arg, &link, e) < 0)
		return -1;
	record_key(c->network, c->container_id, c->ifname, key);
	o.instance = key;
	q.name = link.name;
	if (netdev_move(&o, e) == 0)
		return 0;
	netdev_release(key, true, NULL);
	return -1;
}

static void move_back(struct interface *f, const void *arg)
{
	const struct cni_call *c = f->call;
	char key[32];

	(void)arg;
	record_key(c->network, c->container_id, c->ifname, key);
	netdev_release(key, true, NULL);
}

static const struct interface_maker MAKER = { .ipam = INTERFACE_IPAM_OPTIONAL,
					      .make = move,
					      .undo = move_back };

/* Nothing but addresses, of no interface. */
static int add_for_user_space(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };

	if (!interface_has_ipam(c))
		return 0;
	if (cni_delegate_add(c, &result, e) < 0)
		return -1;
	for (size_t i = 0; i < result.n_ips; i++)
		result.ips[i].interface = -1;
	if (interface_dns(c, &result, e) < 0) {
		cni_delegate_del(c, NULL);
		return -1;
	}
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int host_device_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	struct host_device d = { 0 };

	if (decode(c, &d, e) < 0)
		return -1;
	return is_for_user_space(&d) ? add_for_user_space(c, ret, e)
				     : interface_add(c, &MAKER, &d, ret, e);
}

static int host_device_del(const struct cni_call *c, struct error *e)
{
	char key[32];
	int rc;

	record_key(c->network, c->container_id, c->ifname, key);
	rc = netdev_release(key, true, e);
	if (interface_has_ipam(c) && cni_delegate_del(c, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

static int host_device_check(const struct cni_call *c, struct error *e)
{
	cleanup_interface struct interface f = INTERFACE_INIT;
	struct link_info link;
	struct host_device d = { 0 };

	if (decode(c, &d, e) < 0)
		return -1;
	if (is_for_user_space(&d))
		return interface_has_ipam(c) ? cni_delegate_check(c, e) : 0;
	return interface_open(c, &f, e) < 0 ? -1 : interface_check(&f, NULL, 0, &link, e);
}

static int host_device_status(const struct cni_call *c, struct error *e)
{
	struct rtnl host cleanup(rtnl_done) = { .fd = -1 };
	struct link_info link;
	struct host_device d = { 0 };

	if (decode(c, &d, e) < 0 || rtnl_open(&host, e) < 0)
		return -1;
	if (!is_for_user_space(&d) && find_device(&host, &d, &link, e) < 0)
		return -1;
	return interface_has_ipam(c) ? cni_delegate_status(c, e) : 0;
}

/* ---- GC ---- */

/* Of nsrun's own containers those stay that have a record, whatever another runtime says. */
static bool is_valid(const struct cni_call *c, const char *key, const char *container,
		     const struct cni_attachment *valid, size_t n)
{
	char expected[32];

	if (attach_record_instance_valid(container) && attach_record_exists(container))
		return true;
	for (size_t i = 0; i < n; i++) {
		record_key(c->network, valid[i].container_id, valid[i].ifname, expected);
		if (str_eq(key, expected))
			return true;
	}
	return false;
}

static int host_device_gc(const struct cni_call *c, const struct cni_attachment *valid,
			  size_t n_valid, struct error *e)
{
	char **keys = NULL;
	size_t n = 0;
	int rc = netdev_record_list(&keys, &n, e);

	for (size_t i = 0; i < n; i++) {
		cleanup(netdev_record_done) struct netdev_record r = { 0 };

		if (netdev_record_load(keys[i], &r, NULL) != 1 || !str_eq(r.network, c->network) ||
		    is_valid(c, keys[i], r.containerId, valid, n_valid))
			continue;
		if (netdev_release(keys[i], true, rc == 0 ? e : NULL) < 0)
			rc = -1;
	}
	strings_free(keys, n);
	if (interface_gc(c, valid, n_valid, rc == 0 ? e : NULL) < 0)
		rc = -1;
	return rc;
}

const struct plugin plugin_host_device = {
	.type = "host-device",
	.add = host_device_add,
	.del = host_device_del,
	.check = host_device_check,
	.status = host_device_status,
	.gc = host_device_gc,
};

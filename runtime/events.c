/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nothing is joined here: the cgroup's files are the host's, and the interfaces are asked through a
 * socket that a child has opened in the container's network namespace (network/rtnl.h).
 */
#include "runtime/events.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "network/netns.h"

void events_done(struct events *v)
{
	rtnl_done(&v->net);
	cgroup_oom_done(&v->oom);
	container_done(&v->container);
	fd_close_at(&v->resctrl);
}

/* A container that shares our network has no interfaces of its own to tell of. */
static int open_network(const struct container *c, struct rtnl *ret, struct error *e)
{
	cleanup_close int theirs = -1, ours = -1;
	uint64_t a = 0, b = 0;

	if (netns_open_pid(c->init.pid, &theirs, e) < 0 || netns_open_pid(getpid(), &ours, e) < 0 ||
	    netns_inode(theirs, &a, e) < 0 || netns_inode(ours, &b, e) < 0)
		return -1;
	/* Its number was its own while we went by it. */
	if (!process_alive(&c->init))
		return error_set(e, ERR_STATUS, "container not running: it has stopped");
	return a == b ? 0 : rtnl_open_in(theirs, ret, e);
}

int events_open(const struct runtime *rt, const char *id, bool oom, struct events *ret,
		struct error *e)
{
	cleanup(events_done) struct events v = EVENTS_INIT;
	ERROR_INIT(mine);

	if (container_load(rt, id, &v.container, e) < 0)
		return -1;
	if (v.container.status == STATUS_STOPPED || v.container.init.pid <= 0)
		return error_set(e, ERR_STATUS, "container not running: it %s",
				 v.container.status == STATUS_CREATING ? "is still being created"
								       : "has stopped");
	if (open_network(&v.container, &v.net, &mine) < 0) {
		if (mine.code == ERR_STATUS)
			return error_set(e, mine.code, "%s", mine.msg);
		log_debug("events: no counters of interfaces: %s", mine.msg);
	}
	if (v.container.resctrl.group && resctrl_open(&v.resctrl, &mine) < 0)
		log_debug("events: no intel_rdt: %s", mine.msg);
	if (oom && cgroup_oom_open(&v.container.cgroup, &v.oom, e) < 0)
		return -1;
	*ret = v;
	v = EVENTS_INIT;
	return 0;
}

/* "Name", "RxBytes": Go's names, since runc gives them no others. */
static void put_interfaces(struct json_writer *w, struct rtnl *net)
{
	cleanup_free struct link_counters *v = NULL;
	size_t n = 0, n_own = 0;

	if (net->fd >= 0 && rtnl_counter_list(net, &v, &n, NULL) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (!v[i].loopback)
			v[n_own++] = v[i];
	if (n_own == 0) {
		json_put_null(w, "network_interfaces"); /* Go's nil slice */
		return;
	}
	json_array_begin(w, "network_interfaces");
	for (size_t i = 0; i < n_own; i++) {
		json_object_begin(w, NULL);
		json_put_string(w, "Name", v[i].name);
		json_put_u64(w, "RxBytes", v[i].rx_bytes);
		json_put_u64(w, "RxPackets", v[i].rx_packets);
		json_put_u64(w, "RxErrors", v[i].rx_errors);
		json_put_u64(w, "RxDropped", v[i].rx_dropped);
		json_put_u64(w, "TxBytes", v[i].tx_bytes);
		json_put_u64(w, "TxPackets", v[i].tx_packets);
		json_put_u64(w, "TxErrors", v[i].tx_errors);
		json_put_u64(w, "TxDropped", v[i].tx_dropped);
		json_object_end(w);
	}
	json_array_end(w);
}

static void begin(struct json_writer *w, const struct events *v, const char *type)
{
	json_object_begin(w, NULL);
	json_put_string(w, "type", type);
	json_put_string(w, "id", v->container.id);
}

void events_put_stats(struct events *v, struct strbuf *out)
{
	struct json_writer w = { .out = out };

	begin(&w, v, "stats");
	json_object_begin(&w, "data");
	cgroup_stats_put(&w, &v->container.cgroup);
	resctrl_stats_put(&w, "intel_rdt", v->resctrl, &v->container.resctrl);
	put_interfaces(&w, &v->net);
	json_object_end(&w);
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

void events_put_oom(const struct events *v, struct strbuf *out)
{
	struct json_writer w = { .out = out };

	begin(&w, v, "oom");
	json_object_end(&w);
	strbuf_puts(out, "\n");
}

int events_wait(struct events *v, int timeout_ms, enum event *ret_event, struct error *e)
{
	struct pollfd p[] = {
		{ .fd = v->container.init.pidfd, .events = POLLIN },
		{ .fd = v->oom.fd, .events = v->oom.poll_events },
	};
	int n = poll(p, ARRAY_SIZE(p), timeout_ms);

	if (n < 0 && errno != EINTR)
		return error_errno(e, "poll");
	if (cgroup_oom_happened(&v->oom))
		*ret_event = EVENT_OOM;
	else
		*ret_event = n > 0 && p[0].revents ? EVENT_END : EVENT_TIMEOUT;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI plugin, and one call of it (CNI spec 1.1.0, sections 2 and 3). Built-in plugins are one
 * file each, plugin_TYPE.c, and a row of the table in plugins.c; any other type is a program
 * below CNI_PATH (cni_exec.c). Both are called through this: by a chain (cni_chain.c: a whole
 * list), by another plugin (its ipam, cni_delegate()), or by another runtime (cni_serve.c: nsrun
 * as a plugin).
 *
 * A list whose first plugin is our bridge with our own addresses, and whose others only tell
 * settings, is not called plugin by plugin: attach.c does all of it in one go, which is why it
 * takes a millisecond. decode.c decides which (network.chained); what both ways need is in the
 * modules that both call (bridge.c, ipam.c, ports.c, rules.c, ...), never twice.
 */
#ifndef NETWORK_PLUGIN_H
#define NETWORK_PLUGIN_H

#include "base/error.h"
#include "base/json.h"
#include "network/cni_result.h"

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_STATUS, CNI_GC };
const char *cni_command_name(enum cni_command command); /* "ADD" */
/* The version that is the first to have it. */
const char *cni_command_since(enum cni_command command);

struct cni_call {
	const char *container_id; /* CNI_CONTAINERID, valid; NULL in STATUS and GC */
	const char *ifname;	  /* CNI_IFNAME, valid; NULL in STATUS and GC */
	const char *netns; /* CNI_NETNS, a path; NULL: none (DEL after its death, STATUS, GC) */
	/* DEL: the namespace is given up right after, and the links that it has go with it. What
	 * they could still do must end (their addresses are given back), but deleting them would
	 * wait for RCU: 6-45 ms. */
	bool netns_goes;
	const char *args;  /* CNI_ARGS, "K=V;K2=V2"; NULL: none */
	const char *path;  /* CNI_PATH, folders with ':' between; NULL: none */
	const char *cni_version; /* the configuration's, known */
	const char *network;	 /* its "name", valid */
	/* The execution configuration: cniVersion, name, type, the plugin's own keys,
	 * runtimeConfig and prevResult. */
	const struct json *conf;
	const char *file, *at; /* for errors, as struct decode_at: "web.conflist", "plugins[1]" */
	/* What prevResult decodes to; empty if there is none, and then HAS_PREV is false. */
	const struct cni_result *prev;
	bool has_prev;
};

struct cni_attachment { /* one that is alive: a member of "cni.dev/valid-attachments" */
	const char *container_id, *ifname;
};

/* Members that are NULL do nothing and succeed (check, status, gc), or are an error (add). */
struct plugin {
	const char *type;
	bool ipam; /* it hands out addresses, and does not look into the namespace */
	/* Undoes what it has done if it fails. *ret: the whole result, with what PREV had (a
	 * plugin that makes no interface passes it on). ERR_EXISTS: this container id and ifname
	 * are there. */
	int (*add)(const struct cni_call *c, struct cni_result *ret, struct error *e);
	/* Idempotent: with anything missing, the namespace too, it goes on and succeeds. */
	int (*del)(const struct cni_call *c, struct error *e);
	/* Everything that ADD made for this attachment is there, and as PREV says. */
	int (*check)(const struct cni_call *c, struct error *e);
	/* ERR_BUSY: not now (CNI error 50); ERR_... with what would be missing. */
	int (*status)(const struct cni_call *c, struct error *e);
	/* Frees what attachments not among VALID hold of this network. */
	int (*gc)(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		  struct error *e);
};

/* The built-in one of TYPE ("bridge" or "nsrun-bridge"), or NULL. */
const struct plugin *plugin_find(const char *type);
/* One command of P. VALID is for GC, *ret for ADD; others may pass NULL. */
int plugin_call(const struct plugin *p, enum cni_command command, const struct cni_call *c,
		const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		struct error *e);
/* The same of the plugin TYPE, built in or executed; one that is executed is not asked what the
 * version does not have. */
int cni_call_type(const struct cni_call *c, const char *type, enum cni_command command,
		  const struct cni_attachment *valid, size_t n_valid, struct cni_result *ret,
		  struct error *e);

/* Opens c->netns: an O_PATH-less descriptor that setns(2) and IFLA_NET_NS_FD take. Error
 * ERR_INPUT: it is no network namespace (a stale file, another kind of namespace, missing). */
int cni_call_netns(const struct cni_call *c, struct error *e);
/* A NETLINK_ROUTE socket in it. */
struct rtnl;
int cni_call_inside(const struct cni_call *c, struct rtnl *ret, struct error *e);
/* For plugins that change what others made: *ret is prevResult. Error ERR_INPUT: there is none. */
int cni_call_pass(const struct cni_call *c, struct cni_result *ret, struct error *e);
/* The value of KEY in CNI_ARGS, or NULL; the caller frees. */
char *cni_call_arg(const struct cni_call *c, const char *key);
/* The member KEY of runtimeConfig, or NULL. */
const struct json *cni_call_runtime(const struct cni_call *c, const char *key);

/* Calls the IPAM plugin that c->conf.ipam.type names, built in or foreign, with the same execution
 * configuration, as a plugin does. ADD: *ret is its result (ips, routes, dns; no interfaces). Of a
 * built-in one that gives no addresses ADD, CHECK and STATUS are errors (ERR_INPUT), and DEL and GC
 * do nothing. */
int cni_delegate_add(const struct cni_call *c, struct cni_result *ret, struct error *e);
int cni_delegate_del(const struct cni_call *c, struct error *e);
int cni_delegate_check(const struct cni_call *c, struct error *e);
int cni_delegate_status(const struct cni_call *c, struct error *e);
int cni_delegate_gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n_valid,
		    struct error *e);
#endif

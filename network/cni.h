/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of plugins as libcni runs it (CNI spec 1.1.0, section 4): ADD forward, each with the
 * result of the one before; DEL in reverse; CHECK forward, unless disableCheck; STATUS; GC,
 * unless disableGC. Built-in plugins are called in this process, others executed.
 */
#ifndef NETWORK_CNI_H
#define NETWORK_CNI_H

#include "network/network.h"
#include "network/plugin.h"

struct cni_chain {
	const struct json *list;			  /* the configuration list */
	const char *file;				  /* for errors */
	const char *container_id, *ifname, *netns, *args; /* as in struct cni_call */
	const char *path; /* NULL: $CNI_PATH, else the folders that Debian, podman and others use */
	bool netns_goes; /* as in struct cni_call: what `nsrun delete` says */
	/* What the caller offers, an object whose members are named like capabilities
	 * (portMappings, ips, mac, bandwidth, dns, aliases, ...): each plugin gets those that it
	 * asks for. NULL: nothing. */
	const struct json *runtime;
};
/* The newest version that the list (cniVersion, cniVersions) and we know. Error ERR_INPUT: none. */
int cni_chain_version(const struct json *list, const char *file, const char **ret, struct error *e);
/* Error (ERR_UNSUPPORTED, ERR_INPUT) unless each plugin is built in or a program in c->path. */
int cni_chain_find(const struct cni_chain *c, struct error *e);
/* Whether a plugin of the list asks for the capability NAME ("portMappings"). */
bool cni_chain_has_capability(const struct json *list, const char *name);
/* On failure all of it is deleted again. */
int cni_chain_add(const struct cni_chain *c, struct cni_result *ret, struct error *e);
/* PREV: the result of the ADD as it was kept, or NULL. Goes on past errors, returns the first. */
int cni_chain_del(const struct cni_chain *c, const struct json *prev, struct error *e);
int cni_chain_check(const struct cni_chain *c, const struct json *prev, struct error *e);
int cni_chain_status(const struct cni_chain *c, struct error *e);
int cni_chain_gc(const struct cni_chain *c, const struct cni_attachment *valid, size_t n_valid,
		 struct error *e);

/* nsrun as a plugin: TYPE is called with the environment and stdin that a runtime gives it.
 * Writes the result, or an error object, to stdout; returns the exit status. Without CNI_COMMAND,
 * tells on stderr what it is. */
int cni_serve(const char *type);
/* Whether ARGV0's last part is a plugin's name, TYPE or nsrun-TYPE: then *ret_type. `nsrun` itself
 * is none. */
bool cni_serve_wanted(const char *argv0, const char **ret_type);
#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuning: sysctls and attributes of an interface that another plugin made (tuning.h). What the
 * attributes were before is kept in dataDir/CONTAINERID_IFNAME.json, as the reference plugin does,
 * and its DEL puts back: the device may be one that outlives the container (host-device). Sysctls
 * go with the namespace.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/plugins.h"
#include "network/rtnl.h"
#include "network/state.h"
#include "network/tuning.h"

#define DATA_DIR   "/run/cni/tuning" /* the reference plugin's default */
#define BACKUP_MAX 4096

static const char *file_of(const struct cni_call *c)
{
	return c->file ? c->file : "stdin";
}

static int decode(const struct cni_call *c, struct tuning *ret, struct error *e)
{
	const struct json *capability = cni_call_runtime(c, "mac");
	cleanup_free char *argument = cni_call_arg(c, "MAC");
	const char *mac = argument;

	if (capability && capability->type != JSON_STRING)
		return error_set(e, ERR_INPUT, "%s: runtimeConfig.mac: expected a string, found %s",
				 file_of(c), json_type_name(capability->type));
	if (capability && capability->text[0])
		mac = capability->text;
	return tuning_decode_conf(c->conf, file_of(c), c->at ? c->at : "", mac, ret, e);
}

/* ---- what was before ---- */

static int data_dir(const struct cni_call *c, char **ret, struct error *e)
{
	const struct json *dir = json_get(c->conf, "dataDir");
	const char *path = dir && dir->type == JSON_STRING && dir->text[0] ? dir->text : DATA_DIR;

	if ((dir && dir->type != JSON_STRING && dir->type != JSON_NULL) || path[0] != '/')
		return error_set(e, ERR_INPUT, "%s: dataDir: expected an absolute path",
				 file_of(c));
	*ret = xstrdup(path);
	return 0;
}

static int backup_path(const struct cni_call *c, char **ret, struct error *e)
{
	cleanup_free char *dir = NULL;

	if (data_dir(c, &dir, e) < 0)
		return -1;
	*ret = xasprintf("%s/%s_%s.json", dir, c->container_id, c->ifname);
	return 0;
}

/* One that is there already is of an ADD that died: older, and so right. */
static int backup_write(const struct cni_call *c, struct rtnl *inside, const struct tuning *t,
			struct error *e)
{
	cleanup_strbuf struct strbuf out = { 0 };
	struct json_writer w = { .out = &out };
	cleanup_free char *path = NULL;
	struct tuning before;

	if (!t->set)
		return 0;
	if (backup_path(c, &path, e) < 0 || tuning_read(inside, c->ifname, t, &before, e) < 0)
		return -1;
	if (access(path, F_OK) == 0)
		return 0;
	json_object_begin(&w, NULL);
	json_put_string(&w, "network", c->network);
	tuning_put(&w, &before);
	json_object_end(&w);
	return state_write(path, out.s, 0600, e);
}

/* 1: *ret is what it says. A false mode is one, too: it is to be put back. */
static int backup_read(const char *path, struct tuning *ret, struct error *e)
{
	static const struct {
		const char *key;
		unsigned int bit;
	} modes[] = { { "promisc", TUNING_PROMISC }, { "allmulti", TUNING_ALLMULTI } };
	cleanup_json struct json_doc doc = { 0 };
	char text[BACKUP_MAX];
	ssize_t n = state_read(path, text, sizeof(text));

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : error_errno(e, "read \"%s\"", path);
	if (json_parse(text, (size_t)n, path, &doc, e) < 0 ||
	    tuning_decode(doc.root, path, "", ret, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (json_get(doc.root, modes[i].key))
			ret->set |= modes[i].bit;
	return 1;
}

static int backup_remove(const char *path, struct error *e)
{
	cleanup_free char *tmp = xasprintf("%s.tmp", path);

	if (unlink(tmp) < 0 && errno != ENOENT && errno != ENOTDIR)
		return error_errno(e, "remove \"%s\"", tmp);
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return error_errno(e, "remove \"%s\"", path);
	return 0;
}

/* A namespace or a link that is gone has taken all of it along. */
static int restore(const struct cni_call *c, struct error *e)
{
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_tuning struct tuning before = { 0 };
	cleanup_free char *path = NULL;
	struct link_info link;
	ERROR_INIT(mine);
	int found;

	if (backup_path(c, &path, e) < 0)
		return -1;
	found = backup_read(path, &before, &mine);
	if (found == 1 && !c->netns_goes && c->netns && cni_call_inside(c, &inside, NULL) == 0 &&
	    rtnl_link_get(&inside, 0, c->ifname, &link, NULL) == 1 &&
	    step_await(e, "restore link", tuning_apply(&inside, -1, c->ifname, &before, e)) < 0)
		return error_wrap(e, "restore %s", c->ifname);
	/* Garbage, too: there is nothing to learn from it. */
	return step_await(e, "forget link", backup_remove(path, e));
}

/* ---- the commands ---- */

static void tell(const struct cni_call *c, const struct tuning *t, struct cni_result *r)
{
	char mac[18];

	for (size_t i = 0; i < r->n_interfaces; i++) {
		struct cni_interface *in = &r->interfaces[i];

		if (!in->sandbox || !str_eq(in->name, c->ifname))
			continue;
		if (t->set & TUNING_MAC) {
			free(in->mac);
			in->mac = xstrdup(mac_text(t->mac, mac));
		}
		if (t->set & TUNING_MTU)
			in->mtu = t->mtu;
	}
}

static int tuning_add(const struct cni_call *c, struct cni_result *ret, struct error *e)
{
	cleanup_cni_result struct cni_result result = { 0 };
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_tuning struct tuning t = { 0 };
	cleanup_close int fd = -1;

	if (decode(c, &t, e) < 0 || tuning_allowed(&t, NULL, e) < 0 ||
	    cni_call_pass(c, &result, e) < 0)
		return -1;
	fd = cni_call_netns(c, e);
	if (fd < 0 || rtnl_open_in(fd, &inside, e) < 0)
		return -1;
	if (step_await(e, "record link", backup_write(c, &inside, &t, e)) < 0 ||
	    step_await(e, "tune link", tuning_apply(&inside, fd, c->ifname, &t, e)) < 0) {
		restore(c, NULL);
		return -1;
	}
	tell(c, &t, &result);
	*ret = result;
	memset(&result, 0, sizeof(result));
	return 0;
}

static int check(const struct cni_call *c, struct error *e)
{
	struct rtnl inside cleanup(rtnl_done) = { .fd = -1 };
	cleanup_tuning struct tuning t = { 0 };
	cleanup_close int fd = -1;

	if (decode(c, &t, e) < 0)
		return -1;
	fd = cni_call_netns(c, e);
	if (fd < 0 || rtnl_open_in(fd, &inside, e) < 0)
		return -1;
	return tuning_check(&inside, fd, c->ifname, &t, e);
}

/* Of a file of this network, which alone has our word for it: whose is it? The reference plugin's
 * files name no network. */
static bool is_stale(const struct cni_call *c, const char *path, const char *name,
		     const struct cni_attachment *valid, size_t n)
{
	cleanup_json struct json_doc doc = { 0 };
	char text[BACKUP_MAX];
	ssize_t len = state_read(path, text, sizeof(text));

	if (len < 0 || json_parse(text, (size_t)len, path, &doc, NULL) < 0 ||
	    !str_eq(json_get_string(doc.root, "network"), c->network))
		return false;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *its = xasprintf("%s_%s.json", valid[i].container_id,
						   valid[i].ifname);

		if (str_eq(its, name))
			return false;
	}
	return true;
}

static int gc(const struct cni_call *c, const struct cni_attachment *valid, size_t n,
	      struct error *e)
{
	cleanup_free char *dir = NULL;
	struct dirent *entry;
	int rc = 0;
	DIR *d;

	if (data_dir(c, &dir, e) < 0)
		return -1;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : error_errno(e, "read \"%s\"", dir);
	while ((entry = readdir(d))) {
		cleanup_free char *path = xasprintf("%s/%s", dir, entry->d_name);

		struct error *mine = rc == 0 ? e : NULL;

		if (is_stale(c, path, entry->d_name, valid, n) &&
		    step_await(mine, "forget link", backup_remove(path, mine)) < 0)
			rc = -1;
	}
	closedir(d);
	return rc;
}

const struct plugin plugin_tuning = {
	.type = "tuning",
	.add = tuning_add,
	.del = restore,
	.check = check,
	.gc = gc,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state object: runtime.md's, with runc's further members (rootfs, created, owner), in runc's
 * order.
 */
#include "oci/state.h"

const char *status_name(enum status s)
{
	switch (s) {
	case STATUS_CREATING:
		return "creating";
	case STATUS_CREATED:
		return "created";
	case STATUS_RUNNING:
		return "running";
	case STATUS_PAUSED:
		return "paused";
	case STATUS_STOPPED:
		return "stopped";
	}
	return "unknown";
}

static void put_if(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_put_string(w, key, value);
}

void oci_state_put(struct json_writer *w, const char *key, const struct oci_state *s)
{
	json_object_begin(w, key);
	json_put_string(w, "ociVersion", OCI_VERSION);
	json_put_string(w, "id", s->id);
	json_put_i64(w, "pid", s->status == STATUS_STOPPED ? 0 : s->pid);
	json_put_string(w, "status", status_name(s->status));
	json_put_string(w, "bundle", s->bundle);
	put_if(w, "rootfs", s->rootfs);
	put_if(w, "created", s->created);
	if (s->n_annotations) {
		json_object_begin(w, "annotations");
		for (size_t i = 0; i < s->n_annotations; i++)
			json_put_string(w, s->annotations[i].key, s->annotations[i].value);
		json_object_end(w);
	}
	put_if(w, "owner", s->owner);
	if (s->network)
		json_put_tree(w, "network", s->network);
	json_object_end(w);
}

void oci_state_write(const struct oci_state *s, bool pretty, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = pretty };

	oci_state_put(&w, NULL, s);
}

void oci_process_state_write(const struct oci_state *s, pid_t pid, const char *metadata,
			     struct strbuf *out)
{
	struct json_writer w = { .out = out };

	json_object_begin(&w, NULL);
	json_put_string(&w, "ociVersion", OCI_VERSION);
	json_array_begin(&w, "fds");
	json_put_string(&w, NULL, "seccompFd");
	json_array_end(&w);
	json_put_i64(&w, "pid", pid);
	put_if(&w, "metadata", metadata);
	oci_state_put(&w, "state", s);
	json_object_end(&w);
}

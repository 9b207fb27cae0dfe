/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `spec` writes: the config that people know from runc, but always with a network namespace of
 * its own, rootless too (runc's rootless spec shares the host's).
 */
#include "oci/spec.h"

#include <unistd.h>

#define NETWORK_ANNOTATION "io.nsrun.network"

#define OPTIONS_MAX 8

struct spec_mount {
	const char *destination, *type, *source;
	const char *options[OPTIONS_MAX]; /* NULL-terminated */
};

static const struct spec_mount mounts[] = {
	{ "/proc", "proc", "proc", { NULL } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k", NULL } },
	{ "/dev/pts",
	  "devpts",
	  "devpts",
	  { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5", NULL } },
	{ "/dev/shm",
	  "tmpfs",
	  "shm",
	  { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k", NULL } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev", NULL } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro", NULL } },
	{ "/sys/fs/cgroup",
	  "cgroup",
	  "cgroup",
	  { "nosuid", "noexec", "nodev", "relatime", "ro", NULL } },
};

/* A sysfs of one's own needs privilege over the network namespace's owner, and group 5 (tty) is not
 * mapped. */
static const struct spec_mount rootless_pts = { "/dev/pts",
						"devpts",
						"devpts",
						{ "nosuid", "noexec", "newinstance",
						  "ptmxmode=0666", "mode=0620", NULL } };
static const struct spec_mount rootless_sys = {
	"/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro", NULL }
};

static const char *const masked_paths[] = {
	"/proc/acpi",	       "/proc/asound",	   "/proc/kcore",	"/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/sys/firmware",       "/proc/scsi",
};
static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};
static const char *const capabilities[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };
static const char *const environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
};
static const char *const shell[] = { "sh" };
static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };

static void put_strings(struct json_writer *w, const char *key, const char *const *v, size_t n)
{
	json_array_begin(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, v[i]);
	json_array_end(w);
}

static void put_process(struct json_writer *w, const struct spec_options *o)
{
	json_object_begin(w, "process");
	json_put_bool(w, "terminal", o->terminal);
	json_object_begin(w, "user");
	json_put_u64(w, "uid", 0);
	json_put_u64(w, "gid", 0);
	json_object_end(w);
	if (o->args)
		put_strings(w, "args", (const char *const *)o->args, o->n_args);
	else
		put_strings(w, "args", shell, ARRAY_SIZE(shell));
	put_strings(w, "env", environment, ARRAY_SIZE(environment));
	json_put_string(w, "cwd", "/");
	json_object_begin(w, "capabilities");
	put_strings(w, "bounding", capabilities, ARRAY_SIZE(capabilities));
	put_strings(w, "effective", capabilities, ARRAY_SIZE(capabilities));
	put_strings(w, "permitted", capabilities, ARRAY_SIZE(capabilities));
	json_object_end(w);
	json_array_begin(w, "rlimits");
	json_object_begin(w, NULL);
	json_put_string(w, "type", "RLIMIT_NOFILE");
	json_put_u64(w, "hard", 1024);
	json_put_u64(w, "soft", 1024);
	json_object_end(w);
	json_array_end(w);
	json_put_bool(w, "noNewPrivileges", true);
	json_object_end(w);
}

static void put_mounts(struct json_writer *w, const struct spec_options *o)
{
	json_array_begin(w, "mounts");
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const struct spec_mount *m = &mounts[i];
		size_t n = 0;

		if (o->rootless && str_eq(m->destination, rootless_pts.destination))
			m = &rootless_pts;
		else if (o->rootless && str_eq(m->destination, rootless_sys.destination))
			m = &rootless_sys;
		json_object_begin(w, NULL);
		json_put_string(w, "destination", m->destination);
		json_put_string(w, "type", m->type);
		json_put_string(w, "source", m->source);
		while (m->options[n])
			n++;
		if (n)
			put_strings(w, "options", m->options, n);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_mapping(struct json_writer *w, const char *key, unsigned int host_id)
{
	json_array_begin(w, key);
	json_object_begin(w, NULL);
	json_put_u64(w, "containerID", 0);
	json_put_u64(w, "hostID", host_id);
	json_put_u64(w, "size", 1);
	json_object_end(w);
	json_array_end(w);
}

static void put_namespace(struct json_writer *w, const char *type)
{
	json_object_begin(w, NULL);
	json_put_string(w, "type", type);
	json_object_end(w);
}

static void put_linux(struct json_writer *w, const struct spec_options *o)
{
	json_object_begin(w, "linux");
	if (o->rootless) {
		put_mapping(w, "uidMappings", geteuid());
		put_mapping(w, "gidMappings", getegid());
	} else {
		json_object_begin(w, "resources");
		json_array_begin(w, "devices");
		json_object_begin(w, NULL);
		json_put_bool(w, "allow", false);
		json_put_string(w, "access", "rwm");
		json_object_end(w);
		json_array_end(w);
		json_object_end(w);
	}
	json_array_begin(w, "namespaces");
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		put_namespace(w, namespaces[i]);
	if (o->rootless)
		put_namespace(w, "user");
	json_array_end(w);
	put_strings(w, "maskedPaths", masked_paths, ARRAY_SIZE(masked_paths));
	put_strings(w, "readonlyPaths", readonly_paths, ARRAY_SIZE(readonly_paths));
	json_object_end(w);
}

void spec_write(const struct spec_options *o, struct strbuf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_object_begin(&w, NULL);
	json_put_string(&w, "ociVersion", OCI_VERSION);
	put_process(&w, o);
	json_object_begin(&w, "root");
	json_put_string(&w, "path", o->rootfs ? o->rootfs : "rootfs");
	json_put_bool(&w, "readonly", true);
	json_object_end(&w);
	json_put_string(&w, "hostname", "nsrun");
	put_mounts(&w, o);
	if (o->network) {
		json_object_begin(&w, "annotations");
		json_put_string(&w, NETWORK_ANNOTATION, o->network);
		json_object_end(&w);
	}
	put_linux(&w, o);
	json_object_end(&w);
}

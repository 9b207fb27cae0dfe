/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the cgroup_*.c files share, and nobody else. See runtime/cgroup.h.
 *
 *	cgroup.c		dispatch to the implementation, the record
 *	cgroup_host.c		which hierarchies this host has, and where
 *	cgroup_plan.c		which paths; has each limit its controller
 *	cgroup_sub.c		exec --cgroup
 *	cgroup_tree.c		directories: open, make, walk, list processes, signal, remove
 *	cgroup_v1.c, _v2.c, _systemd.c	struct cgroup_ops
 *	cgroup_limits.c		which controllers a config needs; conversions; writing one limit
 *	cgroup_v1_limits.c, cgroup_v2_limits.c	the tables of the spec, one function a controller
 *	cgroup_undo.c		what an update that fails gives back
 *	cgroup_stats.h, cgroup_stats.c, cgroup_v1_stats.c, cgroup_v2_stats.c	what is used
 *	cgroup_oom.c		out of memory
 *	cgroup_devices.c	device rules, normalised; v1's devices.allow and devices.deny
 *	cgroup_bpf.c		the same rules as a BPF program for v2
 */
#ifndef RUNTIME_CGROUP_IMPL_H
#define RUNTIME_CGROUP_IMPL_H

#include <linux/bpf.h>
#include <stdint.h>

#include "base/fd.h"
#include "base/memory.h"
#include "runtime/cgroup.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_OFF_HINT "cat /proc/cgroups: it is switched off, or a v1 hierarchy has it"
/* The parent of all containers without a cgroupsPath. It belongs to nsrun: the last container out
 * removes it. */
#define CGROUP_PARENT	"nsrun"
#define CGROUP_FILE_MAX ((size_t)16 << 20)

/* Controllers that a config can ask something of. The names are cgroup_controller_table's. */
enum cgroup_controller {
	CTL_CPU,
	CTL_CPUSET,
	CTL_MEMORY,
	CTL_PIDS,
	CTL_IO,
	CTL_HUGETLB,
	CTL_RDMA,
	CTL_MISC,
	CTL_DMEM,
	CTL_NET_CLS,
	CTL_NET_PRIO,
	CTL_DEVICES, /* v1 only; on v2 a BPF program, which needs no controller */
	CTL_COUNT
};
#define CTL_BIT(ctl) (1U << (ctl))

struct cgroup_controller_names {
	const char *v1, *v2; /* NULL: that version has no such controller */
	const char *what;    /* "memory limit" */
};
extern const struct cgroup_controller_names cgroup_controller_table[CTL_COUNT];

/* The one small interface; ours by layout. C->n_dirs is > 0. */
struct cgroup_ops {
	int (*prepare)(struct cgroup *c, const struct oci_resources *r, struct error *e);
	int (*attach)(struct cgroup *c, const struct oci_resources *r, pid_t pid,
		      bool already_inside, struct error *e);
	int (*update)(const struct cgroup *c, const struct oci_resources *r, struct error *e);
	int (*kill)(const struct cgroup *c, int sig, pid_t only, struct error *e);
	int (*freeze)(const struct cgroup *c, bool frozen, struct error *e);
	int (*is_frozen)(const struct cgroup *c, bool *ret_frozen, struct error *e);
	/* Before the directories are removed. 1, or 0: they are not ours. NULL: nothing to do. */
	int (*release)(const struct cgroup *c, struct error *e);
};
extern const struct cgroup_ops cgroup_v1_ops, cgroup_v2_ops, cgroup_systemd_ops;

/* cgroup_host.c */
struct cgroup_hierarchy {
	char *mount, *controllers;
	char *own; /* the runtime's own cgroup, as /proc/self/cgroup has it; NULL: not read */
	bool v2;
};
struct cgroup_host {
	enum cgroup_layout layout;
	struct cgroup_hierarchy *v;
	size_t n;
};
void cgroup_host_done(struct cgroup_host *h);
/* Fills the zeroed H: layout and hierarchies. To be done with also after an error. */
int cgroup_host_look(struct cgroup_host *h, struct error *e);
/* The runtime's own cgroup as a path below the mount. The caller frees. */
int cgroup_own_path(const struct cgroup_hierarchy *h, char **ret_path, struct error *e);

/* cgroup_plan.c. Plans one hierarchy: linux.cgroupsPath GIVEN, or NULL. Adds nothing to C if there
 * is no place in it. */
int cgroup_plan_dir(struct cgroup *c, const struct cgroup_hierarchy *h, const char *given,
		    const char *id, struct error *e);
/* Every limit has its controller. */
int cgroup_check_controllers(const struct cgroup *c, const struct oci_resources *r,
			     struct error *e);

/* cgroup_systemd.c. Fills C but for its manager; C is to be done with also after an error. */
int cgroup_systemd_plan(const struct oci_config *config, const char *id, struct cgroup *c,
			struct error *e);
/* The scope that cgroup_systemd_plan() would have given, if it is there and its description is that
 * of a container ID of ours: 1, *RET_CGROUP is to be done with. 0: none, or no systemd. */
int cgroup_systemd_find(const struct oci_config *config, const char *id, struct cgroup *ret_cgroup,
			struct error *e);
/* Has systemd put PID into the scope (or SUB below it): a user may not by himself take a process
 * from one scope to another. */
int cgroup_systemd_join(const struct cgroup *c, const char *sub, pid_t pid, struct error *e);
void systemd_scope_done(struct systemd_scope *s);
void systemd_scope_put(struct json_writer *w, const char *key, const struct systemd_scope *s);
int systemd_scope_get(const struct json *j, struct systemd_scope **ret_scope, struct error *e);

/* cgroup_tree.c. A growing list of processes. */
struct cgroup_pid_list {
	pid_t *v;
	size_t n, size;
};

/* Opens the mount (O_PATH) and makes sure that it is a cgroup file system of the right version. */
int cgroup_mount_open(const char *mount, bool v2, struct error *e);
/* Opens the directory PATH ("/a/b") below MOUNTFD as O_PATH: never outside of it, never through a
 * link. Returns the descriptor or -1 with errno; sets no error, as "is it there?" is what callers
 * ask. */
int cgroup_path_open(int mountfd, const char *path);
/* The directory of D, or SUB below it. Returns 1, or 0 if it is not there. */
int cgroup_dir_open(const struct cgroup_dir *d, const char *sub, int *ret_fd, struct error *e);
/* Makes D->path (mode 0755) and opens it as O_PATH. If D is to be new (not `existed`), a leaf that
 * appeared since the plan is refused (ERR_BUSY), and D->existed says so: it is not ours. */
int cgroup_dir_make(struct cgroup_dir *d, struct error *e);
/* True if the whole of D was there before us. */
bool cgroup_dir_existed(const struct cgroup_dir *d);
/* The processes of the directory FD and of all below it, added to LIST. */
int cgroup_tree_pids(int fd, struct cgroup_pid_list *list, struct error *e);
/* Opens the directory, of FD and all below it, that holds the process PID (O_PATH). 1, or 0: none
 * does. */
int cgroup_tree_find(int fd, pid_t pid, int *ret_fd);
/* Sends SIG to each of them; *ret_n is how many were there. */
int cgroup_tree_signal(int fd, int sig, size_t *ret_n, struct error *e);
/* Writes TEXT to FILE of the directory FD and of all below it; a directory without FILE is passed
 * over. */
int cgroup_tree_write(int fd, const char *file, const char *text, struct error *e);
/* Removes D and what is below it. DEADLINE: cgroup_now_ms() plus the patience. */
int cgroup_dir_remove(const struct cgroup_dir *d, int64_t deadline, struct error *e);
int64_t cgroup_now_ms(void);
/* Sleeps *PAUSE_US, then doubles it, up to 10 ms. Starts well at 100. */
void cgroup_pause(unsigned int *pause_us);
/* Reads FILE (a cgroup's, small) without the trailing newline. The caller frees. */
int cgroup_file_read(int fd, const char *file, char **ret_text, struct error *e);
/* True if WORD stands in TEXT, whose words are separated by blanks, newlines or commas. */
bool cgroup_has_word(const char *text, const char *word);

/* cgroup_v1.c: puts PID into the directory FD of D. */
int cgroup_dir_attach(const struct cgroup_dir *d, int fd, pid_t pid, struct error *e);
/* The controllers (CTL_BITs) of the v1 hierarchy of D. */
uint32_t cgroup_v1_controllers(const struct cgroup_dir *d);

/* cgroup_v2.c. Enables the controllers of MASK on the way from the mount to D. */
int cgroup_v2_enable(const struct cgroup_dir *d, uint32_t mask, struct error *e);
/* Sends SIG, freezes or looks at the v2 directory D alone. */
int cgroup_v2_kill_dir(const struct cgroup_dir *d, int sig, pid_t only, struct error *e);
int cgroup_v2_freeze_dir(const struct cgroup_dir *d, bool frozen, struct error *e);
int cgroup_v2_is_frozen_dir(const struct cgroup_dir *d, bool *ret_frozen, struct error *e);

/* cgroup_undo.c: what files said before an update wrote them. The directories' descriptors in it
 * are the caller's. */
struct cgroup_undo {
	struct cgroup_undo_entry *v;
	size_t n;
	struct device_undo {
		bool changed; /* else nothing of the rest holds */
		int dir;      /* the caller's */
		int before, now; /* BPF programs; -1: none */
	} devices;
};
void cgroup_undo_done(struct cgroup_undo *u);
/* WRITE: what is going to be written to FILE. */
void cgroup_undo_note(struct cgroup_undo *u, int fd, const char *file, const char *write);
void cgroup_undo_run(struct cgroup_undo *u);

/* cgroup_limits.c. Where limits are written. */
struct cgroup_limits {
	int fd;		  /* the cgroup's directory */
	const char *path; /* its name in errors */
	bool update;	  /* a living container's */
	struct cgroup_undo *undo; /* of an update; else NULL */
};
/* One limit: KEY as in the config below linux.resources ("memory.limit"), the file, the text. */
struct cgroup_limit {
	const char *key, *file;
	char text[128];
};

/* The controllers of which R asks something; those (v2's) of its `unified` part. R may be NULL. */
uint32_t cgroup_asked(const struct oci_resources *r);
uint32_t cgroup_asked_unified(const struct oci_resources *r);
/* Names what R asks for and LAYOUT can never give (ERR_UNSUPPORTED). */
int cgroup_check(const struct oci_resources *r, enum cgroup_layout layout, struct error *e);
int cgroup_limit_put(const struct cgroup_limits *l, const char *key, const char *file,
		     struct error *e, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* What is alike in v1 and v2 but for the end of some files' names. (Of the others each differs in
 * file, unit or order of writing: no table would say both.) */
int cgroup_cpuset_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			struct error *e);
int cgroup_pids_apply(const struct cgroup_limits *l, const struct oci_resources *r,
		      struct error *e);
int cgroup_hugetlb_apply(const struct cgroup_limits *l, const struct oci_resources *r,
			 const char *suffix, struct error *e);
int cgroup_rdma_apply(const struct cgroup_limits *l, const struct oci_resources *r,
		      struct error *e);
/* Writes the N limits of SET, and once more what the kernel refused (EINVAL) the first time: limits
 * that bound each other (memory and memory+swap, quota and burst) go down in one order and up in
 * the other. */
int cgroup_limit_put_set(const struct cgroup_limits *l, const struct cgroup_limit *set, size_t n,
			 struct error *e);
bool cgroup_limit_has(const struct cgroup_limits *l, const char *file);
void cgroup_limit_add(struct cgroup_limit *set, size_t *n, const char *key, const char *file,
		      const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The conversions, as runc and crun document them. A weight of 0 stays 0: unset. */
uint64_t cgroup_shares_to_weight(uint64_t shares);
uint64_t cgroup_blkio_to_io_weight(uint16_t weight);
/* v1's memory+swap limit (-1: none; 0, unset, only with a MEMORY of -1) to v2's swap alone. MEMORY
 * is the memory limit (-1: none, 0: unset). *ret_swap -1: "max". */
int cgroup_swap_to_v2(int64_t memory_swap, int64_t memory, int64_t *ret_swap, struct error *e);

/* cgroup_v1_limits.c: makes the device rules of a living cgroup those of R once more; without any,
 * the parent's. */
int cgroup_v1_devices(int fd, const char *path, const struct oci_resources *r, struct error *e);
/* cgroup_v1_limits.c, cgroup_v2_limits.c: write what R asks of the controllers of MASK. */
int cgroup_v1_apply(const struct cgroup_limits *l, const struct oci_resources *r, uint32_t mask,
		    struct error *e);
int cgroup_v2_apply(const struct cgroup_limits *l, const struct oci_resources *r, uint32_t mask,
		    struct error *e);

/* cgroup_devices.c. A rule with every default filled in. */
enum device_access { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_ALL = 7 };
struct device_rule {
	bool allow;
	char type;	      /* 'a', 'b', 'c' */
	int32_t major, minor; /* -1: all */
	uint32_t access;      /* enum device_access */
	bool is_default;      /* one of ours, not of the config */
};
/* A device list: what holds for a device that no rule speaks of, then rules, of which the last one
 * that speaks of a device and an access decides. Nothing in it is without effect. */
struct device_list {
	bool allow;
	struct device_rule *rules;
	size_t n;
};
void device_list_done(struct device_list *l);
/* From the config's rules and the default ones after them. */
int device_list_make(const struct oci_resources *r, struct device_list *ret_list, struct error *e);
/* What L says of one device, 'b' or 'c'. Only tests ask; they hold the BPF program against it. */
bool device_list_allows(const struct device_list *l, char type, uint32_t major, uint32_t minor,
			uint32_t access);
/* v1. "c 1:3 rwm" */
void device_rule_print(const struct device_rule *r, char ret_text[48]);
int device_list_apply_v1(const struct device_list *l, const struct cgroup_limits *where,
			 struct error *e);

/* cgroup_bpf.c. Whether we are not the host's root: nobody's, or that of a user namespace. */
bool cgroup_in_user_namespace(void);
/* The program; none (*ret_n 0) if everything is allowed. The caller frees. */
int device_program_make(const struct device_list *l, struct bpf_insn **ret_insns, size_t *ret_n,
			struct error *e);
/* Attaches it, taking the place of an earlier one of ours. */
int device_program_apply(const struct device_list *l, const struct cgroup_limits *where,
			 struct error *e);
/* The program before the update again. -1 with errno. */
int device_program_restore(const struct device_undo *u);

/* cgroup_sub.c: the sub-cgroup that S names for D, or NULL. */
const char *cgroup_sub_of(const struct cgroup_dir *d, const struct cgroup_subs *s);

#endif

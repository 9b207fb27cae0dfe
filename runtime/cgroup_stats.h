/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cgroup_stats.c, cgroup_v1_stats.c and cgroup_v2_stats.c share. Each part of runc's stats
 * object is written by a function that reads the files of one cgroup directory. A file that is not
 * there, since the kernel or the cgroup has not that feature, counts as 0, and a 0 is left out
 * where runc leaves it out.
 */
#ifndef RUNTIME_CGROUP_STATS_H
#define RUNTIME_CGROUP_STATS_H

#include "runtime/cgroup_impl.h"

/* A file of "KEY VALUE" lines or of one number; a missing one reads as "". The caller frees. */
char *stats_read(int fd, const char *file);
/* The number in FILE; "max" is UINT64_MAX. */
uint64_t stats_number(int fd, const char *file);
/* The number behind KEY in the text of a file; 0 if it is not there. */
uint64_t stats_key(const char *text, const char *key);
/* Leaves 0 out. */
void stats_put(struct json_writer *w, const char *key, uint64_t v);
/* A memory entry. */
struct stats_entry {
	uint64_t usage, limit, max, failcnt;
};
void stats_put_entry(struct json_writer *w, const char *key, const struct stats_entry *m);
/* "raw": memory.stat, each line "KEY VALUE" a member; STAT is cut to pieces. Nothing if empty. */
void stats_put_raw(struct json_writer *w, char *stat);
/* An array of numbers, from text that has them, blanks between; left out if there are none. */
void stats_put_numbers(struct json_writer *w, const char *key, const char *text);
/* "0-2,7" as an array of numbers. */
void stats_put_list(struct json_writer *w, const char *key, const char *list);
/* One entry of blkio's arrays; OP may be NULL. */
void stats_put_blkio(struct json_writer *w, uint64_t major, uint64_t minor, const char *op,
		     uint64_t value);
/* "psi" from FILE ("cpu.pressure"); nothing if the kernel does not keep it. */
void stats_put_psi(struct json_writer *w, int fd, const char *file);

/* Each writes its members into the object that is open. FD -1: no such directory. */
void cgroup_v1_stats_cpu(struct json_writer *w, int cpu, int cpuacct);
void cgroup_v1_stats_cpuset(struct json_writer *w, int fd);
void cgroup_v1_stats_memory(struct json_writer *w, int fd);
void cgroup_v1_stats_blkio(struct json_writer *w, int fd);
void cgroup_v2_stats_cpu(struct json_writer *w, int fd);
void cgroup_v2_stats_cpuset(struct json_writer *w, int fd);
void cgroup_v2_stats_memory(struct json_writer *w, int fd);
void cgroup_v2_stats_blkio(struct json_writer *w, int fd);

#endif

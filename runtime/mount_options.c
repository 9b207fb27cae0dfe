/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of mount options of the runtime-spec (config.md, "Linux mount options").
 *
 * A word is of one kind: it sets or clears an attribute of the mount, the r* words of a tree of
 * mounts; it sets or clears a flag of the file system (sync, mand, ...), which a bind ignores as in
 * mount(8); it is a propagation type; or it is one that the runtime carries out itself. Of those
 * copy-symlink, src-nofollow and dest-nofollow are crun's, as is a mapping that comes with the word
 * (idmap=uids=...; mount_idmap.h). Later words win over earlier ones. All other words are data for
 * the file system.
 */
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/mount.h"

enum kind {
	SET,
	CLEAR,
	REC_SET,
	REC_CLEAR,
	PROPAGATION,
	COPYUP,
	COPY_SYMLINK,
	SRC_NOFOLLOW,
	DEST_NOFOLLOW,
	IDMAP, /* may have a value: "idmap=..." */
	REC_IDMAP,
	NOTHING,
};

#define ATIME MOUNT_ATTR__ATIME
/* The atime words replace one another. */
#define MS_ATIMES (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

/* In alphabetical order (bsearch). */
static const struct option {
	const char *name;
	enum kind kind;
	unsigned long flag;
	uint64_t attr; /* MOUNT_ATTR_*; 0: a flag of the file system */
	bool atime;
} options[] = {
	{ "async", CLEAR, MS_SYNCHRONOUS, 0, false },
	{ "atime", CLEAR, MS_NOATIME, MOUNT_ATTR_NOATIME, true },
	{ "bind", SET, MS_BIND, 0, false },
	{ "copy-symlink", COPY_SYMLINK, 0, 0, false },
	{ "defaults", NOTHING, 0, 0, false },
	{ "dest-nofollow", DEST_NOFOLLOW, 0, 0, false },
	{ "dev", CLEAR, MS_NODEV, MOUNT_ATTR_NODEV, false },
	{ "diratime", CLEAR, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, false },
	{ "dirsync", SET, MS_DIRSYNC, 0, false },
	{ "exec", CLEAR, MS_NOEXEC, MOUNT_ATTR_NOEXEC, false },
	{ "idmap", IDMAP, 0, 0, false },
	{ "iversion", SET, MS_I_VERSION, 0, false },
	{ "lazytime", SET, MS_LAZYTIME, 0, false },
	{ "loud", CLEAR, MS_SILENT, 0, false },
	{ "mand", SET, MS_MANDLOCK, 0, false },
	{ "noatime", SET, MS_NOATIME, MOUNT_ATTR_NOATIME, true },
	{ "nodev", SET, MS_NODEV, MOUNT_ATTR_NODEV, false },
	{ "nodiratime", SET, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, false },
	{ "noexec", SET, MS_NOEXEC, MOUNT_ATTR_NOEXEC, false },
	{ "noiversion", CLEAR, MS_I_VERSION, 0, false },
	{ "nolazytime", CLEAR, MS_LAZYTIME, 0, false },
	{ "nomand", CLEAR, MS_MANDLOCK, 0, false },
	{ "norelatime", CLEAR, MS_RELATIME, MOUNT_ATTR_RELATIME, true },
	{ "nostrictatime", CLEAR, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, true },
	{ "nosuid", SET, MS_NOSUID, MOUNT_ATTR_NOSUID, false },
	{ "nosymfollow", SET, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, false },
	{ "private", PROPAGATION, MS_PRIVATE, 0, false },
	{ "ratime", REC_CLEAR, 0, MOUNT_ATTR_NOATIME, true },
	{ "rbind", SET, MS_BIND | MS_REC, 0, false },
	{ "rdev", REC_CLEAR, 0, MOUNT_ATTR_NODEV, false },
	{ "rdiratime", REC_CLEAR, 0, MOUNT_ATTR_NODIRATIME, false },
	{ "relatime", SET, MS_RELATIME, MOUNT_ATTR_RELATIME, true },
	{ "remount", SET, MS_REMOUNT, 0, false },
	{ "rexec", REC_CLEAR, 0, MOUNT_ATTR_NOEXEC, false },
	{ "ridmap", REC_IDMAP, 0, 0, false },
	{ "rnoatime", REC_SET, 0, MOUNT_ATTR_NOATIME, true },
	{ "rnodev", REC_SET, 0, MOUNT_ATTR_NODEV, false },
	{ "rnodiratime", REC_SET, 0, MOUNT_ATTR_NODIRATIME, false },
	{ "rnoexec", REC_SET, 0, MOUNT_ATTR_NOEXEC, false },
	{ "rnorelatime", REC_CLEAR, 0, MOUNT_ATTR_RELATIME, true },
	{ "rnostrictatime", REC_CLEAR, 0, MOUNT_ATTR_STRICTATIME, true },
	{ "rnosuid", REC_SET, 0, MOUNT_ATTR_NOSUID, false },
	{ "rnosymfollow", REC_SET, 0, MOUNT_ATTR_NOSYMFOLLOW, false },
	{ "ro", SET, MS_RDONLY, MOUNT_ATTR_RDONLY, false },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC, 0, false },
	{ "rrelatime", REC_SET, 0, MOUNT_ATTR_RELATIME, true },
	{ "rro", REC_SET, 0, MOUNT_ATTR_RDONLY, false },
	{ "rrw", REC_CLEAR, 0, MOUNT_ATTR_RDONLY, false },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC, 0, false },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC, 0, false },
	{ "rstrictatime", REC_SET, 0, MOUNT_ATTR_STRICTATIME, true },
	{ "rsuid", REC_CLEAR, 0, MOUNT_ATTR_NOSUID, false },
	{ "rsymfollow", REC_CLEAR, 0, MOUNT_ATTR_NOSYMFOLLOW, false },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC, 0, false },
	{ "rw", CLEAR, MS_RDONLY, MOUNT_ATTR_RDONLY, false },
	{ "shared", PROPAGATION, MS_SHARED, 0, false },
	{ "silent", SET, MS_SILENT, 0, false },
	{ "slave", PROPAGATION, MS_SLAVE, 0, false },
	{ "src-nofollow", SRC_NOFOLLOW, 0, 0, false },
	{ "strictatime", SET, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, true },
	{ "suid", CLEAR, MS_NOSUID, MOUNT_ATTR_NOSUID, false },
	{ "symfollow", CLEAR, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, false },
	{ "sync", SET, MS_SYNCHRONOUS, 0, false },
	{ "tmpcopyup", COPYUP, 0, 0, false },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE, 0, false },
};

static int compare(const void *key, const void *o)
{
	return strcmp(key, ((const struct option *)o)->name);
}

const char *mount_option_name(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].name : NULL;
}

/* One attribute into the pair of masks. The atime values are a number of two bits, not flags:
 * mount_setattr(2) wants the whole field cleared to set one. Taking one away gives the kernel's
 * default, relatime (0). */
static void put_attr(const struct option *o, bool on, uint64_t *set, uint64_t *clear)
{
	if (!o->atime) {
		*set = on ? *set | o->attr : *set & ~o->attr;
		*clear = on ? *clear & ~o->attr : *clear | o->attr;
		return;
	}
	/* "strictatime" stays after "norelatime"; "atime" after nothing is relatime */
	if (!on && (*clear & ATIME) && (*set & ATIME) != o->attr)
		return;
	*clear |= ATIME;
	*set = (*set & ~(uint64_t)ATIME) | (on ? o->attr : MOUNT_ATTR_RELATIME);
}

static void put_flag(const struct option *o, bool on, unsigned long *flags)
{
	if (on && o->atime)
		*flags &= ~(unsigned long)MS_ATIMES;
	*flags = on ? *flags | o->flag : *flags & ~o->flag;
}

static void put_idmap(bool recursive, const char *mapping, struct mount_options *to)
{
	to->idmap = to->idmap || !recursive;
	to->recursive_idmap = to->recursive_idmap || recursive;
	if (mapping) {
		free(to->idmap_text);
		to->idmap_text = xstrdup(mapping);
	}
}

/* VALUE: what follows the "=", or NULL. */
static int apply(const struct option *o, const char *value, struct mount_options *to,
		 struct error *e)
{
	switch (o->kind) {
	case SET:
	case CLEAR:
		put_flag(o, o->kind == SET, &to->flags);
		if (o->attr || o->atime)
			put_attr(o, o->kind == SET, &to->set, &to->clear);
		break;
	case REC_SET:
	case REC_CLEAR:
		put_attr(o, o->kind == REC_SET, &to->rec_set, &to->rec_clear);
		break;
	case PROPAGATION:
		if (to->n_propagation == MOUNT_PROPAGATIONS_MAX)
			return error_set(e, ERR_INPUT, "more than %d propagation options",
					 MOUNT_PROPAGATIONS_MAX);
		to->propagation[to->n_propagation++] = o->flag;
		break;
	case COPYUP:
		to->copyup = true;
		break;
	case COPY_SYMLINK:
		to->copy_symlink = true;
		break;
	case SRC_NOFOLLOW:
		to->src_nofollow = true;
		break;
	case DEST_NOFOLLOW:
		to->dest_nofollow = true;
		break;
	case IDMAP:
	case REC_IDMAP:
		put_idmap(o->kind == REC_IDMAP, value, to);
		break;
	case NOTHING:
		break;
	}
	return 0;
}

/* The option of WORD, or NULL; *ret_value: what follows the "=" of one that takes a value. */
static const struct option *find(const char *word, const char **ret_value)
{
	static const char *const with_value[] = { "idmap", "ridmap" };

	*ret_value = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(with_value); i++) {
		size_t n = strlen(with_value[i]);

		if (str_has_prefix(word, with_value[i]) && word[n] == '=') {
			*ret_value = word + n + 1;
			word = with_value[i];
		}
	}
	return bsearch(word, options, ARRAY_SIZE(options), sizeof(options[0]), compare);
}

int mount_options_parse(char *const *words, size_t n, struct mount_options *ret_options,
			struct error *e)
{
	cleanup(mount_options_done) struct mount_options to = { 0 };
	cleanup_strbuf struct strbuf data = { 0 };

	for (size_t i = 0; i < n; i++) {
		const char *value;
		const struct option *o = find(words[i], &value);

		if (o) {
			if (apply(o, value, &to, e) < 0)
				return -1;
		} else if (words[i][0]) {
			if (data.len)
				strbuf_puts(&data, ",");
			strbuf_puts(&data, words[i]);
		}
	}
	if (data.len >= (size_t)sysconf(_SC_PAGESIZE))
		return error_set(
			e, ERR_INPUT,
			"%zu bytes of file system options; the kernel takes less than a page (%ld)",
			data.len, sysconf(_SC_PAGESIZE));
	to.data = steal_ptr(&data.s);
	*ret_options = to;
	to = (struct mount_options){ 0 };
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	memory_free_at(&o->data);
	memory_free_at(&o->idmap_text);
}

bool mount_data_has(const char *data, const char *key)
{
	size_t n = strlen(key);

	while (data && *data) {
		if (strncmp(data, key, n) == 0 && (data[n] == '=' || data[n] == ',' || !data[n]))
			return true;
		data += strcspn(data, ",");
		data += *data == ',';
	}
	return false;
}

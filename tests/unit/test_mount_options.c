/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runtime/mount_options.c: the words of mounts[].options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/memory.h"
#include "runtime/mount.h"

static struct mount_options parse(const char *text)
{
	cleanup_free char *copy = xstrdup(text);
	struct mount_options o = { 0 };
	char *words[32], *save = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_int_equal(mount_options_parse(words, n, &o, &e), 0);
	return o;
}

/* One word: flags for mount(2), and the attributes of one mount and of a tree. */
static void expect(const char *text, unsigned long flags, uint64_t set, uint64_t clear,
		   uint64_t rec_set, uint64_t rec_clear)
{
	cleanup(mount_options_done) struct mount_options o = parse(text);

	if (o.flags != flags || o.set != set || o.clear != clear || o.rec_set != rec_set ||
	    o.rec_clear != rec_clear)
		print_error("options: %s\n", text);
	assert_int_equal(o.flags, flags);
	assert_int_equal(o.set, set);
	assert_int_equal(o.clear, clear);
	assert_int_equal(o.rec_set, rec_set);
	assert_int_equal(o.rec_clear, rec_clear);
	assert_null(o.data);
}

#define ATIME MOUNT_ATTR__ATIME

static void test_attributes(void **state)
{
	(void)state;
	expect("", 0, 0, 0, 0, 0);
	expect("defaults", 0, 0, 0, 0, 0);
	expect("ro", MS_RDONLY, MOUNT_ATTR_RDONLY, 0, 0, 0);
	expect("rw", 0, 0, MOUNT_ATTR_RDONLY, 0, 0);
	expect("ro rw", 0, 0, MOUNT_ATTR_RDONLY, 0, 0);
	expect("rw ro", MS_RDONLY, MOUNT_ATTR_RDONLY, 0, 0, 0);
	expect("nosuid nodev noexec", MS_NOSUID | MS_NODEV | MS_NOEXEC,
	       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0, 0);
	expect("suid dev exec", 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
	       0);
	expect("nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, 0, 0, 0);
	expect("nosymfollow", MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0);
	expect("nosymfollow symfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0, 0);
	expect("bind", MS_BIND, 0, 0, 0, 0);
	expect("rbind", MS_BIND | MS_REC, 0, 0, 0, 0);
	expect("remount", MS_REMOUNT, 0, 0, 0, 0);
}

static void test_atime(void **state)
{
	(void)state;
	expect("noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, ATIME, 0, 0);
	expect("strictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0);
	expect("relatime", MS_RELATIME, 0, ATIME, 0, 0);
	expect("noatime relatime", MS_RELATIME, 0, ATIME, 0, 0);
	expect("relatime noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, ATIME, 0, 0);
	expect("noatime atime", 0, 0, ATIME, 0, 0);
	expect("strictatime norelatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, ATIME, 0, 0);
	expect("rnoatime", 0, 0, 0, MOUNT_ATTR_NOATIME, ATIME);
	expect("rnoatime rrelatime", 0, 0, 0, 0, ATIME);
}

static void test_recursive(void **state)
{
	(void)state;
	expect("rro", 0, 0, 0, MOUNT_ATTR_RDONLY, 0);
	expect("rro rrw", 0, 0, 0, 0, MOUNT_ATTR_RDONLY);
	expect("rnosuid rnodev rnoexec rnodiratime rnosymfollow", 0, 0, 0,
	       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
		       MOUNT_ATTR_NOSYMFOLLOW,
	       0);
	expect("rsuid rdev rexec rdiratime rsymfollow", 0, 0, 0, 0,
	       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME |
		       MOUNT_ATTR_NOSYMFOLLOW);
	expect("ro rrw", MS_RDONLY, MOUNT_ATTR_RDONLY, 0, 0, MOUNT_ATTR_RDONLY);
}

/* They are the file system's, so no attribute of a mount. */
static void test_fs_flags(void **state)
{
	(void)state;
	expect("sync dirsync mand lazytime iversion silent",
	       MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME | MS_I_VERSION | MS_SILENT,
	       0, 0, 0, 0);
	expect("sync async mand nomand lazytime nolazytime iversion noiversion silent loud", 0, 0,
	       0, 0, 0);
}

static void test_others(void **state)
{
	cleanup(mount_options_done) struct mount_options o =
		parse("rbind rshared slave runbindable private");
	cleanup(mount_options_done) struct mount_options p = parse(
		"tmpcopyup idmap ridmap=uids=0-1-2;gids=0-1-2 copy-symlink src-nofollow "
		"dest-nofollow");
	char *five[] = { "shared", "slave", "shared", "slave", "private" };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(o.n_propagation, 4);
	assert_int_equal(o.propagation[0], MS_SHARED | MS_REC);
	assert_int_equal(o.propagation[1], MS_SLAVE);
	assert_int_equal(o.propagation[2], MS_UNBINDABLE | MS_REC);
	assert_int_equal(o.propagation[3], MS_PRIVATE);
	assert_true(p.copyup && p.idmap && p.recursive_idmap);
	assert_true(p.copy_symlink && p.src_nofollow && p.dest_nofollow);
	assert_string_equal(p.idmap_text, "uids=0-1-2;gids=0-1-2");
	assert_null(p.data);
	assert_null(o.idmap_text);
	assert_false(o.copyup || o.idmap || o.recursive_idmap);
	assert_int_equal(mount_options_parse(five, 5, &o, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(o.n_propagation, 4);
}

static void test_data(void **state)
{
	cleanup(mount_options_done) struct mount_options o =
		parse("nosuid mode=755 ro size=65536k lowerdir=/a:/b");
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	cleanup_free char *big = xcalloc(page + 1, 1);
	char *words[] = { big };
	struct mount_options big_o = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_string_equal(o.data, "mode=755,size=65536k,lowerdir=/a:/b");
	assert_true(mount_data_has(o.data, "mode"));
	assert_true(mount_data_has(o.data, "lowerdir"));
	assert_false(mount_data_has(o.data, "size=6"));
	assert_false(mount_data_has(o.data, "siz"));
	assert_false(mount_data_has(o.data, "lowerdirs"));
	assert_false(mount_data_has(NULL, "mode"));
	memset(big, 'x', page - 1);
	assert_int_equal(mount_options_parse(words, 1, &big_o, &e), 0);
	mount_options_done(&big_o);
	big[page - 1] = 'x';
	assert_int_equal(mount_options_parse(words, 1, &big_o, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_non_null(strstr(e.msg, "page"));
}

/* Every word of the spec's table (runtime-spec 1.3.0, config.md, and features.md's example) and
 * crun's three, in order, and no other. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"async", "atime", "bind", "copy-symlink",
		"defaults", "dest-nofollow", "dev", "diratime",
		"dirsync", "exec", "idmap", "iversion",
		"lazytime", "loud", "mand", "noatime",
		"nodev", "nodiratime", "noexec", "noiversion",
		"nolazytime", "nomand", "norelatime", "nostrictatime",
		"nosuid", "nosymfollow", "private", "ratime",
		"rbind", "rdev", "rdiratime", "relatime",
		"remount", "rexec", "ridmap", "rnoatime",
		"rnodev", "rnodiratime", "rnoexec", "rnorelatime",
		"rnostrictatime", "rnosuid", "rnosymfollow", "ro",
		"rprivate", "rrelatime", "rro", "rrw",
		"rshared", "rslave", "rstrictatime", "rsuid",
		"rsymfollow", "runbindable", "rw", "shared",
		"silent", "slave", "src-nofollow", "strictatime",
		"suid", "symfollow", "sync", "tmpcopyup",
		"unbindable",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup(mount_options_done) struct mount_options o = parse(names[i]);

		assert_string_equal(mount_option_name(i), names[i]);
		assert_null(o.data); /* found by the search */
		if (i > 0)
			assert_true(strcmp(names[i - 1], names[i]) < 0);
	}
	assert_null(mount_option_name(ARRAY_SIZE(names)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes), cmocka_unit_test(test_atime),
		cmocka_unit_test(test_recursive),  cmocka_unit_test(test_fs_flags),
		cmocka_unit_test(test_others),	   cmocka_unit_test(test_data),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

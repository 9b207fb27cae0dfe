/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * runtime/cgroup, what needs no cgroup: conversions, device lists and their BPF program (run here
 * by a small interpreter), what is refused, the record. test_cgroup_host.c has the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/cgroup_impl.h"

static struct oci_resources resources(const char *json)
{
	struct oci_resources r = { 0 };
	ERROR_INIT(e);

	if (oci_resources_parse(json, strlen(json), "t", &r, &e) < 0)
		fail_msg("%s: %s", json, e.msg);
	return r;
}

static void test_conversions(void **state)
{
	int64_t swap = 7;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(cgroup_shares_to_weight(0), 0);
	assert_int_equal(cgroup_shares_to_weight(1), 1);
	assert_int_equal(cgroup_shares_to_weight(2), 1);
	assert_int_equal(cgroup_shares_to_weight(1024), 100);
	assert_int_equal(cgroup_shares_to_weight(512), 59);
	assert_int_equal(cgroup_shares_to_weight(2000), 170);
	assert_int_equal(cgroup_shares_to_weight(262144), 10000);
	assert_int_equal(cgroup_shares_to_weight(UINT64_MAX), 10000);
	assert_int_equal(cgroup_blkio_to_io_weight(0), 0);
	assert_int_equal(cgroup_blkio_to_io_weight(10), 1);
	assert_int_equal(cgroup_blkio_to_io_weight(500), 4950);
	assert_int_equal(cgroup_blkio_to_io_weight(1000), 10000);

	assert_int_equal(cgroup_swap_to_v2(300, 100, &swap, &e), 0);
	assert_int_equal(swap, 200);
	assert_int_equal(cgroup_swap_to_v2(100, 100, &swap, &e), 0);
	assert_int_equal(swap, 0);
	assert_int_equal(cgroup_swap_to_v2(-1, 100, &swap, &e), 0);
	assert_int_equal(swap, -1);
	assert_int_equal(cgroup_swap_to_v2(0, -1, &swap, &e), 0);
	assert_int_equal(swap, -1);
	swap = 7;
	assert_int_equal(cgroup_swap_to_v2(99, 100, &swap, &e), -1);
	assert_string_equal(
		e.msg, "linux.resources.memory.swap: 99 is below linux.resources.memory.limit 100");
	assert_int_equal(cgroup_swap_to_v2(99, 0, &swap, &e), -1);
	assert_int_equal(e.code, ERR_INPUT);
	assert_int_equal(cgroup_swap_to_v2(-2, 100, &swap, &e), -1);
	assert_int_equal(swap, 7); /* outputs change only on success */
}

static void asks(const char *json, uint32_t mask)
{
	struct oci_resources r = resources(json);

	assert_int_equal(cgroup_asked(&r), mask);
	oci_resources_done(&r);
}

static void test_asked(void **state)
{
	struct oci_resources r =
		resources("{\"unified\": {\"memory.high\": \"1\", \"cgroup.max.depth\": \"3\"}}");

	(void)state;
	assert_int_equal(cgroup_asked(NULL), 0);
	asks("{}", 0);
	/* What engines send for "nothing". */
	asks("{\"memory\": {}, \"cpu\": {\"shares\": 0}, \"blockIO\": {\"weight\": 0}, "
	     "\"network\": {}, \"pids\": {}}",
	     0);
	asks("{\"memory\": {\"limit\": 0, \"disableOOMKiller\": false}, \"cpu\": {\"cpus\": \"\", "
	     "\"quota\": 0}}",
	     0);
	asks("{\"memory\": {\"limit\": 1}, \"cpu\": {\"cpus\": \"0\"}}",
	     CTL_BIT(CTL_MEMORY) | CTL_BIT(CTL_CPUSET));
	asks("{\"cpu\": {\"idle\": 0}, \"pids\": {\"limit\": 0}}",
	     CTL_BIT(CTL_CPU) | CTL_BIT(CTL_PIDS));
	asks("{\"devices\": [{\"allow\": false}]}", CTL_BIT(CTL_DEVICES));
	assert_int_equal(cgroup_asked(&r), 0);
	assert_int_equal(cgroup_asked_unified(&r), CTL_BIT(CTL_MEMORY));
	oci_resources_done(&r);
}

static void refuses(const char *json, enum cgroup_layout layout, const char *message)
{
	struct oci_resources r = resources(json);
	ERROR_INIT(e);

	assert_int_equal(cgroup_check(&r, layout, &e), -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	assert_string_equal(e.msg, message);
	if (layout == CGROUP_V2)
		assert_int_equal(cgroup_check(&r, CGROUP_V1, &e), 0);
	oci_resources_done(&r);
}

static void test_check(void **state)
{
	(void)state;
	refuses("{\"memory\": {\"swappiness\": 0}}", CGROUP_V2,
		"linux.resources.memory.swappiness: cgroup v2 has nothing like it");
	refuses("{\"memory\": {\"disableOOMKiller\": true}}", CGROUP_V2,
		"linux.resources.memory.disableOOMKiller: cgroup v2 has nothing like it");
	refuses("{\"cpu\": {\"realtimePeriod\": 1}}", CGROUP_V2,
		"linux.resources.cpu.realtimePeriod: cgroup v2 has nothing like it");
	refuses("{\"network\": {\"classID\": 1}}", CGROUP_V2,
		"linux.resources.network.classID: cgroup v2 has nothing like it");
	refuses("{\"blockIO\": {\"leafWeight\": 10}}", CGROUP_V2,
		"linux.resources.blockIO.leafWeight: cgroup v2 has nothing like it");
	refuses("{\"unified\": {\"memory.high\": \"1\"}}", CGROUP_V1,
		"linux.resources.unified: needs cgroup v2, this host has v1");
}

static void test_words(void **state)
{
	(void)state;
	assert_true(cgroup_has_word("cpu,cpuacct", "cpuacct"));
	assert_true(cgroup_has_word("cpuset cpu io\n", "io"));
	assert_false(cgroup_has_word("cpuset cpuacct", "cpu"));
	assert_false(cgroup_has_word("", "cpu"));
}

/* Runs PROGRAM on one access; fails on code that it does not know: there are no jumps. */
static bool run(const struct bpf_insn *program, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &program[pc];
		uint64_t *dst = &reg[i->dst_reg], v = (uint64_t)(int64_t)i->imm;

		if (i->code == (BPF_JMP | BPF_EXIT)) {
			assert_int_equal(pc, n - 1);
			return reg[0];
		}
		if (i->code == (BPF_LDX | BPF_MEM | BPF_W)) {
			assert_int_equal(i->src_reg, 1);
			assert_in_range(i->off, 0, sizeof(*ctx) - 4);
			*dst = *(const uint32_t *)((const char *)ctx + i->off);
			continue;
		}
		if (i->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			*dst = (uint32_t)i->imm | (uint64_t)(uint32_t)program[++pc].imm << 32;
			continue;
		}
		assert_int_equal(BPF_CLASS(i->code), BPF_ALU64);
		if (BPF_SRC(i->code) == BPF_X)
			v = reg[i->src_reg];
		switch (BPF_OP(i->code)) {
		case BPF_MOV:
			*dst = v;
			break;
		case BPF_ADD:
			*dst += v;
			break;
		case BPF_MUL:
			*dst *= v;
			break;
		case BPF_AND:
			*dst &= v;
			break;
		case BPF_OR:
			*dst |= v;
			break;
		case BPF_XOR:
			*dst ^= v;
			break;
		case BPF_LSH:
			*dst <<= v & 63;
			break;
		case BPF_RSH:
			*dst >>= v & 63;
			break;
		default:
			fail_msg("code %#x at %zu", i->code, pc);
		}
	}
	fail_msg("the program has no end");
	return false;
}

/* What the rules say, by the book: each access by itself, the last rule that speaks of it. */
static bool by_the_book(const struct oci_resources *r, char type, int64_t major, int64_t minor,
			uint32_t access)
{
	static const struct {
		char letter;
		uint32_t bit;
	} letters[] = { { 'm', DEVICE_MKNOD }, { 'r', DEVICE_READ }, { 'w', DEVICE_WRITE } };
	bool is_default =
		type == 'c' &&
		((major == 1 && (minor == 3 || minor == 5 || (minor >= 7 && minor <= 9))) ||
		 (major == 5 && (minor == 0 || minor == 2)) || (major == 10 && minor == 200) ||
		 major == 136);

	for (size_t l = 0; l < ARRAY_SIZE(letters); l++) {
		bool allowed = false;

		if (!(access & letters[l].bit))
			continue;
		for (size_t i = 0; i < r->n_devices; i++) {
			const struct oci_device_rule *d = &r->devices[i];

			if ((!d->type || d->type[0] == 'a' || d->type[0] == type) &&
			    (!d->major.set || d->major.v == -1 || d->major.v == major) &&
			    (!d->minor.set || d->minor.v == -1 || d->minor.v == minor) &&
			    (!d->access || strchr(d->access, letters[l].letter)))
				allowed = d->allow;
		}
		if (!allowed && letters[l].bit != DEVICE_MKNOD && !is_default)
			return false;
	}
	return true;
}

static size_t compare(const struct oci_resources *r)
{
	static const int majors[] = { 0, 1, 5, 8, 10, 136, 250 },
			 minors[] = { 0, 1, 2, 3, 8, 63, 64, 67, 200, 0xfffff };
	struct device_list list = { 0 };
	struct bpf_insn *program = NULL;
	size_t n = 0;
	ERROR_INIT(e);

	if (device_list_make(r, &list, &e) < 0 || device_program_make(&list, &program, &n, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t a = 0; a < ARRAY_SIZE(majors); a++) {
		for (size_t b = 0; b < ARRAY_SIZE(minors); b++) {
			for (uint32_t t = 0; t < 14; t++) {
				uint32_t access = t % 7 + 1;
				char type = t < 7 ? 'b' : 'c';
				struct bpf_cgroup_dev_ctx ctx = {
					access << 16 |
						(t < 7 ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
					(uint32_t)majors[a],
					(uint32_t)minors[b],
				};
				bool want = by_the_book(r, type, majors[a], minors[b], access);

				assert_int_equal(device_list_allows(&list, type, ctx.major,
								    ctx.minor, access),
						 want);
				assert_int_equal(n == 0 || run(program, n, &ctx), want);
			}
		}
	}
	device_list_done(&list);
	free(program);
	return n;
}

static void test_device_rules(void **state)
{
	/* How long the program may be; 0: there must be none. */
	static const struct {
		const char *json;
		size_t longest;
	} table[] = {
		/* The default config. */
		{ "{\"devices\": [{\"allow\": false, \"access\": \"rwm\"}]}", 60 },
		/* A privileged container. */
		{ "{\"devices\": [{\"allow\": false}, {\"allow\": true}]}", 0 },
		{ "{\"devices\": [{\"allow\": true, \"major\": -1, \"minor\": -1, \"access\": "
		  "\"\"}]}",
		  0 },
		/* What no rule speaks of is denied. */
		{ "{\"devices\": [{\"allow\": true, \"type\": \"b\", \"major\": 8, \"access\": "
		  "\"r\"}]}",
		  70 },
		{ "{\"devices\": [{\"allow\": true}, {\"allow\": false, \"type\": \"b\", "
		  "\"major\": 8,"
		  " \"access\": \"w\"}]}",
		  70 },
		/* An open for reading and writing may have each from another rule. */
		{ "{\"devices\": [{\"allow\": true, \"type\": \"c\", \"major\": 250, \"minor\": 1, "
		  "\"access\": \"r\"},"
		  "{\"allow\": true, \"type\": \"c\", \"major\": 8, \"minor\": 1, \"access\": "
		  "\"r\"},"
		  "{\"allow\": true, \"type\": \"c\", \"major\": 250, \"minor\": 1, \"access\": "
		  "\"w\"}]}",
		  100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct oci_resources r = resources(table[i].json);
		size_t n = compare(&r);

		assert_true(n <= table[i].longest);
		assert_true((n == 0) == (table[i].longest == 0));
		oci_resources_done(&r);
	}
}

/* Random lists, always the same ones. */
static void test_device_rules_random(void **state)
{
	static char *types[] = { "a", "b", "c", NULL },
		    *accesses[] = { "r", "w", "m", "rw", "wm", "rwm", NULL };
	static const int majors[] = { -1, -1, 1, 8, 250 }, minors[] = { -1, -1, 0, 3, 63, 64 };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct oci_device_rule rules[12] = { 0 };
		struct oci_resources r = { .devices = rules };
		uint32_t x[6];

		for (size_t i = 0; i < 6; i++)
			x[i] = (seed = seed * 1664525 + 1013904223) >> 8;
		r.n_devices = x[0] % ARRAY_SIZE(rules) + 1;
		for (size_t i = 0; i < r.n_devices; i++) {
			for (size_t k = 1; k < 6; k++)
				x[k] = (seed = seed * 1664525 + 1013904223) >> 8;
			rules[i].allow = x[1] & 1;
			rules[i].type = types[x[2] % ARRAY_SIZE(types)];
			rules[i].major =
				(struct opt_i64){ true, majors[x[3] % ARRAY_SIZE(majors)] };
			rules[i].minor =
				(struct opt_i64){ true, minors[x[4] % ARRAY_SIZE(minors)] };
			rules[i].access = accesses[x[5] % ARRAY_SIZE(accesses)];
		}
		compare(&r);
	}
}

static void test_device_errors(void **state)
{
	struct oci_device_rule rule = { .type = "x" };
	struct oci_resources r = { .devices = &rule, .n_devices = 1 };
	struct device_list list = { 0 };
	char text[48];
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(device_list_make(&r, &list, &e), -1);
	assert_string_equal(
		e.msg,
		"linux.resources.devices[0].type: expected \"a\", \"b\" or \"c\", found \"x\"");
	rule = (struct oci_device_rule){ .access = "rx" };
	assert_int_equal(device_list_make(&r, &list, &e), -1);
	assert_string_equal(
		e.msg,
		"linux.resources.devices[0].access: expected letters of \"rwm\", found \"rx\"");
	rule = (struct oci_device_rule){ .major = { true, 1LL << 40 } };
	assert_int_equal(device_list_make(&r, &list, &e), -1);
	assert_string_equal(e.msg,
			    "linux.resources.devices[0].major: 1099511627776 is out of range");
	assert_null(list.rules);
	device_rule_print(
		&(struct device_rule){ true, 'b', 8, -1, DEVICE_READ | DEVICE_MKNOD, false }, text);
	assert_string_equal(text, "b 8:* rm");
}

static void test_record(void **state)
{
	struct cgroup_dir dirs[] = {
		{ "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct", "/nsrun/web", "/", false },
		{ "/sys/fs/cgroup/unified", "", "/nsrun/web", "/nsrun/web", true },
	};
	struct cgroup c = { .layout = CGROUP_HYBRID, .dirs = dirs, .n_dirs = 2, .fd = -1 },
		      back = CGROUP_INIT;
	cleanup_strbuf struct strbuf out = { 0 }, again = { 0 };
	struct json_writer w = { .out = &out }, w2 = { .out = &again };
	cleanup_json struct json_doc d = { 0 };
	ERROR_INIT(e);

	(void)state;
	cgroup_put(&w, NULL, &c);
	if (json_parse(out.s, out.len, "t", &d, &e) < 0 || cgroup_get(d.root, &back, &e) < 0)
		fail_msg("%s: %s", out.s, e.msg);
	assert_int_equal(back.fd, -1);
	assert_int_equal(back.n_dirs, 2);
	assert_true(back.dirs[1].v2);
	assert_false(cgroup_dir_existed(&back.dirs[0]));
	assert_true(cgroup_dir_existed(&back.dirs[1]));
	cgroup_put(&w2, NULL, &back);
	assert_string_equal(again.s, out.s);
	cgroup_done(&back);
	cgroup_done(&back); /* twice is well */
}

static void test_record_broken(void **state)
{
	/* All but the directory's five members are fixed. */
	static const char *const dirs[] = {
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/a/../b\",\"existed\":\"/"
		"\",\"v2\":true}",
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"a\",\"existed\":\"/"
		"\",\"v2\":true}",
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/\",\"existed\":\"/"
		"\",\"v2\":true}",
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/ab\",\"existed\":\"/"
		"a\",\"v2\":true}",
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/a\",\"existed\":\"/"
		"\",\"v2\":\"yes\"}",
		"{\"mount\":\"/m\",\"controllers\":\"\",\"path\":\"/a\",\"existed\":\"/"
		"\",\"v2\":false}",
		"{\"mount\":\"m\",\"controllers\":\"\",\"path\":\"/a\",\"existed\":\"/"
		"\",\"v2\":true}",
		"{\"controllers\":\"\",\"path\":\"/a\",\"existed\":\"/\",\"v2\":true}",
		"[]",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		cleanup_free char *text = xasprintf(
			"{\"manager\":\"cgroupfs\",\"layout\":\"v2\",\"dirs\":[%s]}", dirs[i]);
		cleanup_json struct json_doc d = { 0 };
		struct cgroup c = CGROUP_INIT;
		ERROR_INIT(e);

		assert_int_equal(json_parse(text, strlen(text), "t", &d, &e), 0);
		assert_int_equal(cgroup_get(d.root, &c, &e), -1);
		assert_int_equal(e.code, ERR_INPUT);
		assert_null(c.dirs);
		assert_int_equal(cgroup_get(json_get(d.root, "no such"), &c, &e), -1);
	}
}

/* Every function has nothing to do, and says so where it was asked for something. */
static void test_disabled(void **state)
{
	struct oci_linux lin = { 0 };
	struct oci_config config = { .linux_ = &lin };
	struct oci_resources r = resources("{\"memory\": {\"limit\": 1}}");
	struct cgroup c = { .fd = 99 };
	pid_t *pids = NULL;
	bool frozen = true;
	size_t n = 1;
	int fd = 5;
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(cgroup_plan(CGROUP_DISABLED, &config, "c", &c, &e), 0);
	assert_int_equal(c.n_dirs, 0);
	assert_int_equal(cgroup_prepare(&c, &r, &e), 0);
	assert_int_equal(cgroup_attach(&c, &r, 1, false, &e), 0);
	assert_int_equal(cgroup_open(&c, &(struct cgroup_subs){ 0 }, &fd, &e), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(cgroup_join(&c, NULL, 0, 1, &e), 0);
	assert_int_equal(cgroup_pids(&c, &pids, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(cgroup_kill(&c, 9, 0, &e), 0);
	assert_int_equal(cgroup_is_frozen(&c, &frozen, &e), 0);
	assert_false(frozen);
	assert_int_equal(cgroup_remove(&c, &e), 0);
	assert_int_equal(cgroup_update(&c, &r, &e), -1);
	assert_string_equal(e.msg, "the container has no cgroup, so no limits either");
	assert_int_equal(cgroup_freeze(&c, true, &e), -1);
	oci_resources_done(&r);
	cgroup_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversions),   cmocka_unit_test(test_asked),
		cmocka_unit_test(test_check),	      cmocka_unit_test(test_words),
		cmocka_unit_test(test_device_rules),  cmocka_unit_test(test_device_rules_random),
		cmocka_unit_test(test_device_errors), cmocka_unit_test(test_record),
		cmocka_unit_test(test_record_broken), cmocka_unit_test(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci/state: the object, whole and with all that may be absent left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "oci/state.h"

static void test_small(void **state)
{
	struct oci_state s = { .id = "a", .status = STATUS_CREATING, .bundle = "/b" };
	cleanup_strbuf struct strbuf b = { 0 };

	(void)state;
	oci_state_write(&s, false, &b);
	assert_string_equal(
		b.s, "{\"ociVersion\":\"1.3.0\",\"id\":\"a\",\"pid\":0,\"status\":\"creating\","
		     "\"bundle\":\"/b\"}");
}

static void test_full(void **state)
{
	static const char net[] = "{\"netns\": \"/run/netns/a\"}";
	struct oci_pair annotations[] = { { (char *)"k.1", (char *)"v\"" },
					  { (char *)"k.2", (char *)"" } };
	struct oci_state s = {
		.id = "a",
		.status = STATUS_RUNNING,
		.pid = 4711,
		.bundle = "/b\xff",
		.rootfs = "/b/rootfs",
		.created = "2025-01-02T03:04:05.000000006Z",
		.owner = "",
		.annotations = annotations,
		.n_annotations = ARRAY_SIZE(annotations),
	};
	cleanup_strbuf struct strbuf b = { 0 };
	cleanup_json struct json_doc doc = { 0 };
	ERROR_INIT(e);

	(void)state;
	assert_int_equal(json_parse(net, strlen(net), "net", &doc, &e), 0);
	s.network = doc.root;
	oci_state_write(&s, true, &b);
	assert_string_equal(b.s, "{\n"
				 "  \"ociVersion\": \"1.3.0\",\n"
				 "  \"id\": \"a\",\n"
				 "  \"pid\": 4711,\n"
				 "  \"status\": \"running\",\n"
				 "  \"bundle\": \"/b\xef\xbf\xbd\",\n"
				 "  \"rootfs\": \"/b/rootfs\",\n"
				 "  \"created\": \"2025-01-02T03:04:05.000000006Z\",\n"
				 "  \"annotations\": {\n"
				 "    \"k.1\": \"v\\\"\",\n"
				 "    \"k.2\": \"\"\n"
				 "  },\n"
				 "  \"owner\": \"\",\n"
				 "  \"network\": {\n"
				 "    \"netns\": \"/run/netns/a\"\n"
				 "  }\n"
				 "}");
}

static void test_statuses(void **state)
{
	static const struct {
		enum status status;
		const char *name;
		const char *pid;
	} cases[] = {
		{ STATUS_CREATING, "creating", "\"pid\":5," },
		{ STATUS_CREATED, "created", "\"pid\":5," },
		{ STATUS_RUNNING, "running", "\"pid\":5," },
		{ STATUS_PAUSED, "paused", "\"pid\":5," },
		{ STATUS_STOPPED, "stopped", "\"pid\":0," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_state s = {
			.id = "a", .status = cases[i].status, .pid = 5, .bundle = "/b"
		};
		cleanup_strbuf struct strbuf b = { 0 };

		assert_string_equal(status_name(cases[i].status), cases[i].name);
		oci_state_write(&s, false, &b);
		assert_non_null(strstr(b.s, cases[i].pid));
	}
}

static void test_in_array(void **state)
{
	struct oci_state s = { .id = "a", .status = STATUS_CREATED, .pid = 1, .bundle = "/b" };
	cleanup_strbuf struct strbuf b = { 0 };
	struct json_writer w = { .out = &b };

	(void)state;
	json_array_begin(&w, NULL);
	oci_state_put(&w, NULL, &s);
	oci_state_put(&w, NULL, &s);
	json_array_end(&w);
	assert_string_equal(
		b.s,
		"[{\"ociVersion\":\"1.3.0\",\"id\":\"a\",\"pid\":1,\"status\":\"created\","
		"\"bundle\":"
		"\"/b\"},{\"ociVersion\":\"1.3.0\",\"id\":\"a\",\"pid\":1,\"status\":\"created\","
		"\"bundle\":\"/b\"}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_in_array),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}

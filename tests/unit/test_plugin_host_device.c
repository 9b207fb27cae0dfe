/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network/plugin_host_device.c: devices that are named by their place in sysfs, which is made up
 * here: a veth is what a PCI function, a virtio device and a subfunction are said to have. By name
 * and by MAC: test_interface.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "tests/unit/cni_lab.h"
#include "tests/unit/lab.h"

#define PCI	"/sys/devices/pci0000:00"
#define STATIC                                                                                     \
	", \"ipam\": {\"type\": \"static\", \"addresses\": [{\"address\": \"10.5.0.2/24\"}]}"
#define PROGRAM "\"pciBusID\": \"0000:00:04.0\""

static char *conf(const char *more, const char *prev)
{
	return xasprintf("{\"cniVersion\": \"1.1.0\", \"name\": \"n\", \"type\": \"host-device\","
			 " %s%s%s}", more, prev ? ", \"prevResult\": " : "", prev ? prev : "");
}

static char *environment(const char *command)
{
	return xasprintf("CNI_COMMAND=%s CNI_CONTAINERID=c1 CNI_IFNAME=eth0"
			 " CNI_NETNS=/run/netns/box", command);
}

static char *call(const char *command, const char *more, const char *prev)
{
	cleanup_free char *env = environment(command), *input = conf(more, prev);

	return cni_lab_ok("host-device", env, input);
}

static void refused(const char *command, const char *more, const char *prev, int code,
		    const char *words)
{
	cleanup_free char *env = environment(command), *input = conf(more, prev);

	cni_lab_fails("host-device", env, input, code, words);
}

static int enter(void **state)
{
	(void)state;
	if (!lab_enter())
		return -1;
	lab_run("ip netns add box && mount -t tmpfs sys /sys &&"
		" mkdir -p /sys/bus/pci/devices /sys/bus/auxiliary/devices");
	/* a PCI function; one whose virtio device has the interface; a subfunction */
	lab_run("mkdir -p " PCI "/0000:00:02.0/net/dev2 " PCI "/0000:00:03.0/virtio0/net/dev3 "
		PCI "/0000:00:02.0/mlx5_core.sf.4/net/dev4 " PCI "/0000:00:04.0");
	lab_run("ln -s " PCI "/0000:00:0[234].0 /sys/bus/pci/devices &&"
		" ln -s " PCI "/0000:00:02.0/mlx5_core.sf.4 /sys/bus/auxiliary/devices");
	lab_run("for i in 2 3 4; do ip link add dev$i type veth peer name peer$i &&"
		" ip link set dev$i address 02:00:00:00:00:0$i || exit; done");
	return 0;
}

/* Comes in and goes back: the device whose number is NUMBER, and no other. */
static void expect_moves(const char *more, const char *number)
{
	cleanup_free char *dev = xasprintf("ip link show dev%s", number);
	cleanup_free char *mac = xasprintf("02:00:00:00:00:0%s", number);
	cleanup_free char *result = call("ADD", more, NULL);

	assert_non_null(strstr(result, mac));
	lab_expect("ip -n box link show eth0", mac);
	assert_int_not_equal(lab_try("%s", dev), 0);
	lab_expect("ip -o link show type veth | wc -l", "5");
	free(call("CHECK", more, result));
	free(call("DEL", more, result));
	lab_run("%s", dev);
	free(call("DEL", more, result));
	assert_int_not_equal(lab_try("ip -n box link show eth0"), 0);
}

static void test_kernelpath(void **state)
{
	(void)state;
	expect_moves("\"kernelpath\": \"" PCI "/0000:00:02.0\"", "2");
	expect_moves("\"kernelpath\": \"" PCI "/0000:00:03.0/virtio0\"", "3");
	refused("ADD", "\"kernelpath\": \"" PCI "/0000:00:04.0\"", NULL, 11,
		"no network device \"" PCI "/0000:00:04.0\"");
}

static void test_pci(void **state)
{
	(void)state;
	expect_moves("\"pciBusID\": \"0000:00:02.0\"", "2");
	expect_moves("\"pciBusID\": \"0000:00:03.0\"", "3");
	refused("ADD", PROGRAM, NULL, 11, "no network device \"0000:00:04.0\"");
	refused("ADD", "\"pciBusID\": \"../pci/devices\"", NULL, 7,
		"pciBusID: \"../pci/devices\" is no PCI address");
}

/* The capability; it goes before what the list says. */
static void test_device_id(void **state)
{
	(void)state;
	expect_moves("\"runtimeConfig\": {\"deviceID\": \"0000:00:02.0\"}", "2");
	expect_moves("\"pciBusID\": \"0000:00:02.0\", "
		     "\"runtimeConfig\": {\"deviceID\": \"0000:00:03.0\"}", "3");
	expect_moves("\"runtimeConfig\": {\"deviceID\": \"mlx5_core.sf.4\"}", "4");
	refused("ADD", "\"runtimeConfig\": {\"deviceID\": \"mlx5_core.sf.5\"}", NULL, 7,
		"runtimeConfig.deviceID: \"mlx5_core.sf.5\" is no PCI address, and no auxiliary "
		"device of this host");
	refused("ADD", "\"runtimeConfig\": {\"deviceID\": \"../pci\"}", NULL, 7,
		"is no PCI address");
}

/* The interface that sysfs tells is one of another namespace. */
static void test_elsewhere(void **state)
{
	(void)state;
	lab_run("ip netns add other && ip link set dev2 netns other");
	refused("ADD", "\"pciBusID\": \"0000:00:02.0\"", NULL, 11, "no network device");
	refused("STATUS", "\"pciBusID\": \"0000:00:02.0\"", NULL, 50, "no network device");
	lab_run("ip netns del other");
}

/* A program has the device (DPDK): nothing moves; addresses are told, of no interface. */
static void test_for_user_space(void **state)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	cleanup_json struct json_doc doc = { 0 };
	const struct json *ips;
	ERROR_INIT(e);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		cleanup_free char *plain = NULL, *with = NULL;

		lab_run("mkdir -p /sys/bus/pci/drivers/%s && ln -sfn /sys/bus/pci/drivers/%s " PCI
			"/0000:00:04.0/driver", drivers[i], drivers[i]);
		plain = call("ADD", PROGRAM, NULL);
		assert_null(strstr(plain, "interfaces"));
		assert_null(strstr(plain, "ips"));
		with = call("ADD", PROGRAM STATIC, NULL);
		ok(json_parse(with, strlen(with), "result", &doc, &e), &e);
		ips = json_get(doc.root, "ips");
		assert_non_null(ips);
		assert_int_equal(ips->n, 1);
		assert_string_equal(json_get_string(ips->first, "address"), "10.5.0.2/24");
		assert_null(json_get(ips->first, "interface"));
		assert_null(json_get(doc.root, "interfaces"));
		json_done(&doc);
		free(call("CHECK", PROGRAM STATIC, with));
		free(call("STATUS", PROGRAM STATIC, NULL));
		free(call("DEL", PROGRAM STATIC, with));
		assert_int_not_equal(lab_try("ip -n box link show eth0"), 0);
	}
	lab_run("ln -sfn /sys/bus/pci/drivers/e1000 " PCI "/0000:00:04.0/driver");
	refused("ADD", PROGRAM, NULL, 11, "no network device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kernelpath, enter),
		cmocka_unit_test_setup(test_pci, enter),
		cmocka_unit_test_setup(test_device_id, enter),
		cmocka_unit_test_setup(test_elsewhere, enter),
		cmocka_unit_test_setup(test_for_user_space, enter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

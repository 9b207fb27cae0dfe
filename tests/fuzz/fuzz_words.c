/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of the command line: --network, -p, addresses, signals. What is accepted is in its bounds
 * and, where it can be printed, reads the same again; what is refused is ERR_INPUT, with words.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "network/network.h"
#include "runtime/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_request(const char *text)
{
	struct network_request r = { 0 };
	ERROR_INIT(e);

	if (network_request_parse(text, &r, &e) == 0)
		must(network_name_valid(r.name) && (!r.ifname || network_ifname_valid(r.ifname)));
	else
		must(e.code == ERR_INPUT && e.msg[0] && !r.name);
	network_request_done(&r);
}

static void fuzz_publish(const char *text)
{
	struct publish p;
	ERROR_INIT(e);

	if (publish_parse(text, &p, &e) < 0) {
		must(e.code == ERR_INPUT && e.msg[0]);
		return;
	}
	must(p.count >= 1 && p.container_port >= 1); /* host port 0: any that is free */
	must(p.host_port + p.count <= 65536 && p.container_port + p.count <= 65536);
	must(p.protocol == IPPROTO_TCP || p.protocol == IPPROTO_UDP || p.protocol == IPPROTO_SCTP);
}

static void fuzz_address(const char *text)
{
	struct ip_prefix p = { 0 }, again = { 0 };
	char buf[IP_TEXT_MAX];
	ERROR_INIT(e);

	if (ip_prefix_parse(text, true, true, &p, &e) < 0) {
		must(e.code == ERR_INPUT && e.msg[0]);
		return;
	}
	must(p.len <= (p.addr.family == AF_INET ? 32 : 128));
	must(ip_prefix_parse(ip_prefix_text(&p, buf), true, true, &again, &e) == 0);
	must(again.len == p.len && ip_addr_cmp(&again.addr, &p.addr) == 0);
}

static void fuzz_signal(const char *text)
{
	int sig;
	ERROR_INIT(e);

	if (signal_parse(text, &sig, &e) == 0)
		must(sig >= 0 && sig < NSIG);
	else
		must(e.code == ERR_INPUT && e.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	unsigned char mac[6];

	fuzz_request(text);
	fuzz_publish(text);
	fuzz_address(text);
	fuzz_signal(text);
	mac_parse(text, mac, NULL);
	return 0;
}

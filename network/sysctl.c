/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/sys/net is that of the network namespace of whoever opens a file in it, whatever procfs it
 * is reached through.
 */
#include "network/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

int net_sysctl(const char *path, const char *value, struct error *e)
{
	cleanup_free char *file = xasprintf("/proc/sys/net/%s", path), *now = NULL;
	size_t n;

	if (file_read(AT_FDCWD, file, false, 4096, &now, &n, e) < 0)
		return -1;
	if (n && now[n - 1] == '\n')
		now[n - 1] = '\0';
	if (str_eq(now, value))
		return 0;
	return file_write(AT_FDCWD, file, value, e);
}

int link_sysctl(const char *ifname, int family, const char *key, const char *value, struct error *e)
{
	char path[128];

	if (snprintf(path, sizeof(path), "ipv%d/conf/%s/%s", family, ifname, key) >=
	    (int)sizeof(path))
		return error_set(e, ENAMETOOLONG,
				 "sysctl net.ipv%d.conf.%s.%s: the name is too long", family,
				 ifname, key);
	return net_sysctl(path, value, e);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/sys/net is that of the network namespace of whoever opens a file in it, whatever procfs it
 * is reached through.
 */
#include "network/sysctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"

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

#define IPV6_CONF "/proc/sys/net/ipv6/conf"

/* The sysctl's value is VALUE. False too if there is none of the name. */
static bool is_set_to(const char *link, const char *key, const char *value)
{
	cleanup_free char *file = xasprintf(IPV6_CONF "/%s/%s", link, key), *now = NULL;
	size_t n;

	if (file_read(AT_FDCWD, file, false, 4096, &now, &n, NULL) < 0)
		return false;
	now[strcspn(now, "\n")] = '\0';
	return str_eq(now, value);
}

bool net_has_ipv6(void)
{
	return is_set_to("all", "disable_ipv6", "0");
}

/* A link may go meanwhile. */
static int keep_routers(const char *link, struct error *e)
{
	ERROR_INIT(mine);

	if (!is_set_to(link, "forwarding", "0") || !is_set_to(link, "accept_ra", "1"))
		return 0;
	if (link_sysctl(link, 6, "accept_ra", "2", &mine) == 0) {
		log_debug("sysctl net.ipv6.conf.%s.accept_ra=2", link);
		return 0;
	}
	if (mine.code == ENOENT)
		return 0;
	if (e)
		*e = mine;
	return -1;
}

int net_forward_ipv6(struct error *e)
{
	struct dirent *entry;
	int rc = 0;
	DIR *d;

	if (is_set_to("all", "forwarding", "1"))
		return 0;
	d = opendir(IPV6_CONF);
	if (!d)
		return error_errno(e, "read \"%s\"", IPV6_CONF);
	/* "all" and "default" are no links: what comes later is configured by who makes it */
	while (rc == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && !str_eq(entry->d_name, "all") &&
		    !str_eq(entry->d_name, "default") && !str_eq(entry->d_name, "lo"))
			rc = keep_routers(entry->d_name, e);
	closedir(d);
	return rc < 0 ? -1 : link_sysctl("all", 6, "forwarding", "1", e);
}

int net_ignore_routers(struct error *e)
{
	ERROR_INIT(mine);

	if (file_write(AT_FDCWD, IPV6_CONF "/default/accept_ra", "0", &mine) == 0 ||
	    mine.code == ENOENT)
		return 0;
	if (e)
		*e = mine;
	return -1;
}

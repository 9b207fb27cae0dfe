/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attachments of a container that is being created, in two halves: between them its network
 * namespace comes into being (0.5 ms), beside the first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/memory.h"
#include "base/step.h"
#include "network/attach.h"
#include "network/ports.h"

struct attach {
	struct attach_options o;
	struct attach_plans ps; /* none: lo alone */
	struct attach_record rec;
	struct rtnl host;
};

void attach_forget(struct attach *a)
{
	if (!a)
		return;
	rtnl_done(&a->host);
	attach_record_done(&a->rec);
	attach_plans_done(&a->ps);
	free(a);
}

const struct attach_result *attach_planned(const struct attach *a)
{
	return &a->rec.result;
}

static int begin(struct attach *a, struct error *e)
{
	const struct attach_options *o = &a->o;
	int some = attach_wants(o, e);

	if (some <= 0)
		return some;
	if (!attach_record_instance_valid(o->instance))
		return error_set(e, ERR_INPUT, "\"%.80s\" is no instance id", o->instance);
	if (attach_record_exists(o->instance))
		return error_set(e, ERR_EXISTS, "container %s is attached already",
				 o->container_id);
	if (attach_plans_make(o, &a->ps, e) < 0)
		return -1;
	attach_plans_record(o, &a->ps, &a->rec);
	if (attach_plans_pick(o, &a->ps, &a->rec, e) < 0)
		return -1;
	if (step(e, "record attachment", attach_record_write(&a->rec, e)) < 0 ||
	    attach_claim(o, &a->ps, &a->host, &a->rec, e) < 0) {
		attach_teardown(&a->rec, NULL);
		return -1;
	}
	return 0;
}

int attach_begin(const struct attach_options *o, struct attach **ret, struct error *e)
{
	struct attach *a = xcalloc(1, sizeof(*a));

	a->o = *o;
	a->host.fd = -1;
	if (begin(a, e) < 0) {
		attach_forget(a);
		return -1;
	}
	*ret = a;
	return 0;
}

static int finish(struct attach *a, int netns_fd, struct rtnl *container, struct error *e)
{
	static const struct endpoint_spec lo_alone = { 0 };

	if (a->ps.n == 0)
		return rtnl_endpoint_configure(container, &lo_alone, e);
	if (attach_plug(&a->o, &a->ps, &a->host, netns_fd, container, &a->rec, e) < 0 ||
	    step(e, "save attachment", attach_save(&a->rec, e)) < 0) {
		attach_teardown(&a->rec, NULL);
		return -1;
	}
	return 0;
}

int attach_finish(struct attach *a, int netns_fd, int container_nl, struct attach_result *ret,
		  struct error *e)
{
	struct rtnl container;
	int rc;

	rtnl_adopt(container_nl, &container);
	rc = finish(a, netns_fd, &container, e);
	steal_fd(&container.fd); /* the caller's */
	if (rc == 0) {
		*ret = a->rec.result;
		memset(&a->rec.result, 0, sizeof(a->rec.result));
	}
	attach_forget(a);
	return rc;
}

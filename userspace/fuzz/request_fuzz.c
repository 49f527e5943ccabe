// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a request to the daemon, and what must hold of what is taken for one. */
#include <stdlib.h>
#include <string.h>

#include "../daemon/request.h"
#include "fuzz.h"

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED("{\"op\":\"balloon-list\"}"),
	VMQOS_FUZZ_SEED("{\"op\":\"balloon-get\",\"vm\":\"web\"}"),
	VMQOS_FUZZ_SEED("{\"op\":\"balloon-set\",\"vm\":\"12\",\"target\":1073741824,"
			"\"reason\":\"shares\",\"deadline_ms\":60000}"),
	VMQOS_FUZZ_SEED("{\"vm\":\"w\\u00e4b\",\"op\":\"balloon-set\",\"change\":-4096,"
			"\"stats_seconds\":10}"),
	{ 0 },
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmqos_balloons_change *change;
	struct vmqos_request request;
	char why[200] = "";
	/* A copy of its own size, so that a byte read beyond it is seen. */
	char *line = malloc(size);
	int ret;

	if (size)
		memcpy(line, data, size);
	ret = vmqos_request_parse(&request, line, size, why, sizeof(why));
	free(line);
	expect(!ret == !why[0]);
	if (ret)
		return 0;
	change = &request.change;
	expect(memchr(request.vm, '\0', sizeof(request.vm)));
	expect((request.op == VMQOS_REQUEST_LIST) == !request.vm[0]);
	if (request.op != VMQOS_REQUEST_SET) {
		expect(!change->has_target && !change->has_change && !change->has_period);
		return 0;
	}
	expect(change->has_target || change->has_change || change->has_period);
	expect(!change->has_target || !change->has_change);
	expect(!change->has_period || (change->period >= 1 && change->period <= 3600));
	expect(change->reason[0] && memchr(change->reason, '\0', sizeof(change->reason)));
	return 0;
}

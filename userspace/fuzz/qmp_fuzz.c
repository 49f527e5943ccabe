// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a QMP server, and what must hold whatever they are. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon/qmp.h"
#include "fuzz.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n"
#define AGREED	"{\"return\": {}, \"id\": 1}\r\n"

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED("\x01" GREETING AGREED "{\"return\": {\"actual\": 1}, \"id\": 2}\r\n"),
	VMQOS_FUZZ_SEED("\x07" GREETING AGREED "{\"id\": 3, \"error\": {\"class\": \"GenericError\","
			" \"desc\": \"No balloon device has been activated\"}}\r\n"),
	VMQOS_FUZZ_SEED("\xff" GREETING "{\"timestamp\": {}, \"event\": \"RESET\", \"data\": {}}\n"
			AGREED "{\"event\": \"BALLOON_CHANGE\", \"data\": {\"actual\": 1e9}}\n"),
	VMQOS_FUZZ_SEED("\x20" GREETING AGREED "{\"return\": {\"stats\": {\"stat-free-memory\":"
			" 18446744073709551615, \"stat-swap-in\": -1}}, \"id\": 2}\n"),
	{ 0 },
};

static struct {
	unsigned int given, ended;
	struct vmqos_qmp *qmp;
} commands;

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void on_done(void *ctx, int error, struct json_object *value, const char *why)
{
	(void)ctx;
	expect(error ? error < 0 && why && !value : !why);
	commands.ended++;
}

static void give(void)
{
	commands.given += !vmqos_qmp_call(commands.qmp, "query-balloon", NULL, 5, on_done, NULL);
}

static void on_ready(void *ctx)
{
	(void)ctx;
	expect(vmqos_qmp_ready(commands.qmp));
	give();
	give();
}

static void on_event(void *ctx, const char *name, struct json_object *data)
{
	(void)ctx;
	(void)data;
	expect(name && vmqos_qmp_ready(commands.qmp));
	give();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vmqos_qmp_ops ops = { on_ready, on_event };
	size_t step = size ? 1 + data[0] : 1, at, part, out;
	const char *bytes;

	memset(&commands, 0, sizeof(commands));
	commands.qmp = vmqos_qmp_new(&ops, NULL, 0);
	expect(commands.qmp);
	for (at = 1; at < size; at += part) {
		/* A copy of its own size, so that a byte read beyond it is seen. */
		char *piece;

		part = size - at < step ? size - at : step;
		piece = malloc(part);
		memcpy(piece, data + at, part);
		expect(!vmqos_qmp_feed(commands.qmp, piece, part) ==
		       !vmqos_qmp_broken(commands.qmp));
		free(piece);
		bytes = vmqos_qmp_output(commands.qmp, &out);
		expect(!out || bytes[out - 1] == '\n');
		vmqos_qmp_sent(commands.qmp, out > step ? step : out);
	}
	if (vmqos_qmp_due(commands.qmp) != UINT64_MAX) {
		vmqos_qmp_expire(commands.qmp, VMQOS_QMP_TIMEOUT_US + 5);
		expect(vmqos_qmp_broken(commands.qmp));
	}
	vmqos_qmp_free(commands.qmp);
	expect(commands.given == commands.ended);
	return 0;
}

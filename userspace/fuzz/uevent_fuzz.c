// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a uevent. */
#include <stdlib.h>
#include <string.h>

#include "../daemon/uevent.h"
#include "fuzz.h"

#define HEAD \
	"change@/devices/virtual/misc/kvm\0ACTION=change\0" \
	"DEVPATH=/devices/virtual/misc/kvm\0"

const struct vmqos_fuzz_seed vmqos_fuzz_seeds[] = {
	VMQOS_FUZZ_SEED(HEAD "SUBSYSTEM=misc\0COUNT=1\0EVENT=create\0PID=42\0SEQNUM=7"),
	VMQOS_FUZZ_SEED(HEAD "EVENT=destroy\0PID=4194304\0STATS_PATH=/kvm/42-10\0DEVNAME=kvm\0"),
	{ 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmqos_uevent uevent;
	/* A copy of its own size, so that a byte read beyond it is seen. */
	char *message = malloc(size);

	if (size)
		memcpy(message, data, size);
	vmqos_uevent_parse(&uevent, message, size);
	free(message);
	if (uevent.type == VMQOS_UEVENT_OTHER ? uevent.tid != 0 :
	    (uevent.tid == 0 || uevent.tid > INT32_MAX))
		abort();
	return 0;
}

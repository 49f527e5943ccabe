// SPDX-License-Identifier: GPL-2.0
/* Weights from entitlements; nothing but arithmetic. */
#include <stdio.h>
#include <string.h>

#include <vmqos/vmqos.h>

#include "weights.h"

/* Mean weight where only VMs divide the CPU: 0.1 % of the mean is told apart. */
#define MEAN_ALONE	1000
/* A weight is no less than this part of the mean, and well inside of the kernel's bounds. */
#define LEAST_PART	100
#define GREATEST	9000
/* One that was entitled to less of the period than this wants nothing. */
#define NOTHING_PART	200

/* What a VM counts for: what it was entitled to, or would be if it wanted something. */
static double part_of(const struct vmqos_weights_claim *claim, uint64_t period_ns, double wanted,
		      double shares)
{
	if (claim->entitled_ns > period_ns / NOTHING_PART)
		return claim->entitled_ns;
	return (wanted ? wanted : 1) * claim->shares / (shares ? shares : 1);
}

/* How many of its vCPUs are busy at a time; each of them counts for the weight. */
static double busy(const struct vmqos_weights_claim *claim, uint64_t period_ns)
{
	return claim->busy_ns > period_ns ? (double)claim->busy_ns / period_ns : 1;
}

/**
 * vmqos_weights_for_each() - whether a cgroup's weight counts for each of its busy tasks
 * @mode: the scheduler's cgroup_mode, its choice in brackets; NULL when that is not known
 * @release: release of the kernel
 *
 * Elsewhere the weight is divided among the CPUs on which the cgroup has tasks. Of the
 * kernels that we support 7.3 is the first that has the choice, and counts for each.
 *
 * Return: true if so.
 */
bool vmqos_weights_for_each(const char *mode, const char *release)
{
	unsigned int major = 0, minor = 0;

	if (mode)
		return strstr(mode, "(concur)") || strstr(mode, "(tasks)") || strstr(mode, "(up)");
	sscanf(release, "%u.%u", &major, &minor);
	return major > 7 || (major == 7 && minor >= 3);
}

/**
 * vmqos_weights_divide() - weights for the cgroups of VMs that share a parent
 * @claims: the VMs
 * @count: their number
 * @period_ns: length of the period
 * @others: cgroups of others are beside them that have processes
 *
 * A VM that wants nothing now gets what its shares would give it, so that it
 * finds a fair weight when it wants something. Beside cgroups of others the
 * sum of the weights stays that of the original ones: what the VMs have
 * together against the others is not changed. Where a weight counts for each busy task,
 * a VM's is divided by the number of its busy vCPUs.
 */
void vmqos_weights_divide(struct vmqos_weights_claim *claims, size_t count, uint64_t period_ns,
			  bool others)
{
	double wanted = 0, shares = 0, sum = 0, mean = 0, least;
	size_t i;

	for (i = 0; i < count; i++) {
		shares += claims[i].shares;
		mean += (double)claims[i].original / count;
		if (claims[i].entitled_ns > period_ns / NOTHING_PART)
			wanted += claims[i].entitled_ns;
	}
	if (!others)
		mean = MEAN_ALONE;
	least = mean < LEAST_PART ? 1 : mean / LEAST_PART;
	for (i = 0; i < count; i++)
		sum += part_of(&claims[i], period_ns, wanted, shares) / busy(&claims[i], period_ns);
	for (i = 0; i < count; i++) {
		double weight = mean;

		if (sum)
			weight *= part_of(&claims[i], period_ns, wanted, shares) /
				  busy(&claims[i], period_ns) / sum * count;
		claims[i].weight = (weight < least ? least :
				    weight > GREATEST ? GREATEST : weight) + 0.5;
	}
}

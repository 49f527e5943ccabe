// SPDX-License-Identifier: GPL-2.0
/* Weights from entitlements; nothing but arithmetic. */
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
 * together against the others is not changed.
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
		sum += part_of(&claims[i], period_ns, wanted, shares);
	for (i = 0; i < count; i++) {
		double weight = mean;

		if (sum)
			weight *= part_of(&claims[i], period_ns, wanted, shares) / sum * count;
		claims[i].weight = (weight < least ? least :
				    weight > GREATEST ? GREATEST : weight) + 0.5;
	}
}

/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The one exit: counts the verdict and turns it into what XDP does with the frame. */
#ifndef DISTRIBUTOR_VERDICT_H
#define DISTRIBUTOR_VERDICT_H

#include "maps.h"
#include "parse.h"

static __always_inline bool is_in(__u32 set, enum dist_verdict verdict)
{
	return verdict < DIST_VERDICTS && (set & DIST_SET(verdict));
}

static __always_inline int finish(const struct packet *packet, const struct dist_vip *vip,
				  enum dist_verdict verdict)
{
	__u32 index = vip ? vip->counters : DIST_COUNTERS_NO_VIP;
	struct dist_vip_counters *counters = bpf_map_lookup_elem(&vip_counters, &index);

	if (counters && verdict < DIST_VERDICTS) {
		counters->packets[verdict]++;
		if (is_in(DIST_FORWARDED, verdict))
			counters->bytes += packet->length;
	}
	if (is_in(DIST_PASSED, verdict))
		return XDP_PASS;
	return is_in(DIST_FORWARDED | DIST_ANSWERED, verdict) ? XDP_TX : XDP_DROP;
}

#endif

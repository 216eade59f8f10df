/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Another station claims a VIP: who, and whether to announce the VIP against it now. */
#ifndef DISTRIBUTOR_CLAIM_H
#define DISTRIBUTOR_CLAIM_H

#include "maps.h"
#include "parse.h"

/*
 * Notes who claims the VIP. The frame then becomes the VIP's own announcement, at most
 * once in DIST_DEFENCE_INTERVAL; what is claimed in between the daemon answers.
 */
static __always_inline enum dist_verdict note_claim(const struct dist_vip *vip, const __u8 *mac)
{
	__u64 now = bpf_ktime_get_ns(), claimant = 0, defended;
	__u32 index = vip->counters;
	struct dist_claim *claim = bpf_map_lookup_elem(&claims, &index);

	if (!claim)
		return DIST_DROP_INTERNAL;
	__builtin_memcpy(&claimant, mac, ETH_ALEN);
	*(volatile __u64 *)&claim->mac = claimant;
	*(volatile __u64 *)&claim->claimed = now;
	defended = *(volatile __u64 *)&claim->defended;
	if (defended && (__s64)(now - defended) < (__s64)DIST_DEFENCE_INTERVAL)
		return DIST_PASS_VIP_CLAIMED;
	if (__sync_val_compare_and_swap(&claim->defended, defended, now) != defended)
		return DIST_PASS_VIP_CLAIMED;
	return DIST_TX_VIP_DEFENDED;
}

#endif

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace distributor {

// Who owns which slot: Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4) over
// positions, with weights, and its first-come rule replaced by a stable matching, which
// moves fewer clients on a change (docs/decisions/0001-stable-matching.md).
//
// A pure function of its arguments: the preferences of position i follow from (seed, i)
// alone, so every host builds the same table and a replacement in a position moves nobody.
// Each position gets its exact share of slots, rounded to a whole one by largest remainder.
//
// weights[i] is position i's, 0 = no slots; size a power of two. Returns one owner
// (position + 1) for each slot, all 0 if every weight is.
std::vector<uint16_t> BuildTable(uint64_t seed, std::span<const uint32_t> weights, uint32_t size);

}  // namespace distributor

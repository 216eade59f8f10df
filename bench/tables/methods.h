// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

// Who owns which slot, as the product's BuildTable: owners are positions + 1. isHere[i] tells
// whether somebody is at position i; all weigh the same.
using Method = std::vector<uint16_t> (*)(uint64_t seed, const std::vector<bool> &is_here,
                                         uint32_t size);

// What the product does, and what else it could do, by name; null if there is none of that name.
Method MethodNamed(const std::string &name);

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "abi.h"

namespace distributor {

// The names users see, by verdict number; null where the number is retired.
extern const std::array<const char*, DIST_VERDICTS> kVerdictNames;

}  // namespace distributor

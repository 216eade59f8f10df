// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "abi.h"

namespace distributor {

// The place of a flow's opening.
struct OpeningPlace {
  uint32_t index;
  dist_opening opening;  // what is there
  bool is_own;           // the flow's; else what its opening may overwrite
};

// `mask`: elements of the map - 1.
OpeningPlace FindOpening(int map_fd, uint32_t mask, uint64_t flow_hash);

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "abi.h"
#include "opening.h"

namespace distributor {

// The place of a flow's opening.
struct OpeningPlace {
  uint32_t index;
  dist_opening opening;  // what is there
  bool is_own;           // the flow's; else what its opening may overwrite
};

// `mask`: elements of the map - 1. `read` gives the element at an index.
template <typename Read>
OpeningPlace FindOpening(uint32_t mask, uint64_t flow_hash, const Read& read) {
  OpeningPlace oldest{};
  for (uint32_t place = 0; place < DIST_OPENING_PLACES; place++) {
    OpeningPlace here{};
    here.index = dist_opening_index(flow_hash, mask, place);
    here.opening = read(here.index);
    here.is_own = dist_opening_is_of(here.opening.tag, here.opening.pin, flow_hash);
    if (here.is_own) return here;
    if (place == 0 || dist_opening_is_older(here.opening.pin, oldest.opening.pin)) oldest = here;
  }
  return oldest;
}

}  // namespace distributor

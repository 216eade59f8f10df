// SPDX-License-Identifier: Apache-2.0
#include "openings.h"

#include <bpf/bpf.h>

#include "errors.h"
#include "opening.h"

namespace distributor {

OpeningPlace FindOpening(int map_fd, uint32_t mask, uint64_t flow_hash) {
  OpeningPlace oldest{};
  for (uint32_t place = 0; place < DIST_OPENING_PLACES; place++) {
    OpeningPlace here{};
    here.index = dist_opening_index(flow_hash, mask, place);
    Check("bpf(read opening)", bpf_map_lookup_elem(map_fd, &here.index, &here.opening));
    here.is_own = dist_opening_is_of(here.opening.tag, here.opening.pin, flow_hash);
    if (here.is_own) return here;
    if (place == 0 || dist_opening_is_older(here.opening.pin, oldest.opening.pin)) oldest = here;
  }
  return oldest;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "mapped-slots.h"

namespace distributor {

MappedSlots::MappedSlots(Maps maps, size_t size)
    : mapping_(new Mapping{{maps.slots, size}, {maps.settled, DIST_SETTLED_ELEMENTS(size)}}) {}

SlotTable MappedSlots::Table(size_t base, size_t size) const {
  auto* settled = reinterpret_cast<uint16_t*>(mapping_->settled.words().data());
  return SlotTable({.words = mapping_->slots.words().subspan(base, size),
                    .settled = {settled + base, size},
                    .lifetime = mapping_});
}

}  // namespace distributor

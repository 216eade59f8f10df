// SPDX-License-Identifier: Apache-2.0
#include "mapped-slots.h"

namespace distributor {

MappedSlots::MappedSlots(Maps maps, size_t size)
    : mapping_(new Mapping{{maps.slots, size}, {maps.settled, SettledElements(size)}}) {}

size_t MappedSlots::SettledElements(size_t slots) {
  return (slots + DIST_SETTLED_SLOTS - 1) / DIST_SETTLED_SLOTS;
}

SlotTable MappedSlots::Table(size_t base, size_t size) const {
  auto* settled = reinterpret_cast<uint8_t*>(mapping_->settled.words().data());
  return SlotTable({.words = mapping_->slots.words().subspan(base, size),
                    .settled = {settled + base, size},
                    .lifetime = mapping_});
}

}  // namespace distributor

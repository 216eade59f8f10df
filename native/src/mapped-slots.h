// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mapped-array.h"
#include "slot-table.h"

namespace distributor {

// The memory of every distributor's slots, of which each table is a part.
class MappedSlots {
 public:
  // File descriptors of two maps, which a program uses together.
  struct Maps {
    int slots, settled;
  };
  MappedSlots(Maps maps, size_t size);

  // How many of these the second map has.
  static size_t SettledElements(size_t slots);

  // It keeps the mapping alive.
  SlotTable Table(size_t base, size_t size) const;

 private:
  struct Mapping {
    MappedArray slots, settled;
  };
  std::shared_ptr<const Mapping> mapping_;
};

}  // namespace distributor

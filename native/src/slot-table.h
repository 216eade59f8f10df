// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "abi.h"

namespace distributor {

// One distributor's slots and their transitions: the daemon's half of pinning, the
// program's being bpf/pin.h. Works on mapped or on plain memory. Every change of a slot
// is one 64-bit compare-and-swap, because the program may move the slot's clock meanwhile.
//
// Owners are positions + 1 (0 = none). Times are seconds of the monotonic clock.
class SlotTable {
 public:
  struct Memory {
    std::span<uint64_t> words;   // the slots
    std::span<uint8_t> settled;  // as many: see dist_settled
    std::shared_ptr<const void> lifetime;
  };
  explicit SlotTable(Memory memory) : memory_(std::move(memory)) {}

  size_t size() const { return memory_.words.size(); }

  struct Applied {
    uint32_t changed;    // slots with a new owner
    uint32_t unsettled;  // slots unsettled afterwards
  };
  // Gives slot i to owners[i]. `retired` owners no longer exist: their connections are
  // lost, and no slot refers to them afterwards.
  Applied Apply(std::span<const uint16_t> owners, std::span<const uint16_t> retired, uint32_t now);

  struct Settled {
    uint32_t unsettled;  // slots still unsettled
    uint32_t earliest;   // the oldest of their clocks; 0 if there are none
  };
  // Settles the slots whose packets all went to their current owner for longer than
  // `idle` seconds.
  Settled Settle(uint32_t now, uint32_t idle);

  // Becomes `smaller` with each slot split into as many as this is larger. The clocks of
  // unsettled slots restart: they may move in `smaller` until it is out of use.
  void SplitFrom(const SlotTable& smaller, uint32_t now);

  // All slots settled and without an owner.
  void Clear();

  dist_slot At(size_t index) const;
  void Put(size_t index, dist_slot slot);  // for tests: any state, any age

  // What settled slots have for owners is written anew, from the slots.
  void RewriteSettled();

 private:
  template <typename Change>
  dist_slot Update(size_t index, Change change);
  void Store(size_t index, dist_slot slot);
  void SetSettled(size_t index, uint8_t owner);

  Memory memory_;
};

}  // namespace distributor

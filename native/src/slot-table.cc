// SPDX-License-Identifier: Apache-2.0
#include "slot-table.h"

#include <atomic>
#include <bit>

namespace distributor {

namespace {

bool IsUnsettled(dist_slot slot) { return slot.previous != DIST_SETTLED; }

// What dist_settled says of the slot.
uint8_t SettledOwner(dist_slot slot) {
  bool fits = slot.current <= DIST_SETTLED_OWNER_MAX;
  return IsUnsettled(slot) || !fits ? DIST_OWNER_NONE : static_cast<uint8_t>(slot.current);
}

// A set of owners; asked once or twice for every slot.
class OwnerSet {
 public:
  explicit OwnerSet(std::span<const uint16_t> owners) {
    for (uint16_t owner : owners) {
      if (owner >= members_.size()) members_.resize(owner + 1);
      members_[owner] = true;
    }
  }
  bool Has(uint16_t owner) const { return owner < members_.size() && members_[owner]; }

 private:
  std::vector<bool> members_;
};

dist_slot Transition(dist_slot slot, uint16_t owner, const OwnerSet& retired, uint32_t now) {
  // Flows pinned to third owners may exist: the slot stays unsettled without its oldest.
  if (IsUnsettled(slot) && retired.Has(slot.previous))
    slot.previous = owner == DIST_OWNER_NONE ? DIST_OWNER_GONE : owner;
  if (slot.current == owner) return slot;
  // Only the first change away from a settled owner is remembered: flows without an entry
  // can only be that old. Of an owner that is gone there is nothing to remember.
  if (!IsUnsettled(slot) && !retired.Has(slot.current)) slot.previous = slot.current;
  slot.current = owner;
  slot.clock = now;
  return slot;
}

}  // namespace

// Replaces the slot by change(slot) in one step, however often its clock moves meanwhile.
template <typename Change>
dist_slot SlotTable::Update(size_t index, Change change) {
  std::atomic_ref atomic(memory_.words[index]);
  uint64_t before = atomic.load(std::memory_order_acquire);
  for (;;) {
    dist_slot after = change(std::bit_cast<dist_slot>(before));
    uint64_t desired = std::bit_cast<uint64_t>(after);
    if (desired == before) return after;
    // The program looks here first: the old owner must be gone before another one comes.
    SetSettled(index, DIST_OWNER_NONE);
    if (!atomic.compare_exchange_weak(before, desired)) continue;
    SetSettled(index, SettledOwner(after));
    return after;
  }
}

void SlotTable::Store(size_t index, dist_slot slot) {
  Update(index, [&](dist_slot) { return slot; });
}

void SlotTable::SetSettled(size_t index, uint8_t owner) {
  std::atomic_ref(memory_.settled[index]).store(owner, std::memory_order_release);
}

SlotTable::Applied SlotTable::Apply(std::span<const uint16_t> owners,
                                    std::span<const uint16_t> retired, uint32_t now) {
  OwnerSet gone(retired);
  Applied applied{};
  for (size_t i = 0; i < size(); i++) {
    dist_slot before = At(i);
    bool changed = before.current != owners[i];
    if (!changed && !IsUnsettled(before)) continue;
    dist_slot after =
        Update(i, [&](dist_slot slot) { return Transition(slot, owners[i], gone, now); });
    applied.changed += changed;
    applied.unsettled += IsUnsettled(after);
  }
  return applied;
}

SlotTable::Settled SlotTable::Settle(uint32_t now, uint32_t idle) {
  Settled settled{};
  for (size_t i = 0; i < size(); i++) {
    if (!IsUnsettled(At(i))) continue;
    dist_slot after = Update(i, [&](dist_slot slot) {
      // Signed: the program may have stamped the slot since the caller read the clock.
      int64_t quiet = static_cast<int32_t>(now - slot.clock);
      if (quiet > idle) slot.previous = DIST_SETTLED;
      return slot;
    });
    if (!IsUnsettled(after)) continue;
    bool is_earlier = static_cast<int32_t>(after.clock - settled.earliest) < 0;
    if (settled.unsettled == 0 || is_earlier) settled.earliest = after.clock;
    settled.unsettled++;
  }
  return settled;
}

void SlotTable::SplitFrom(const SlotTable& smaller, uint32_t now) {
  size_t ratio = size() / smaller.size();
  for (size_t i = 0; i < size(); i++) {
    dist_slot slot = smaller.At(i / ratio);
    if (IsUnsettled(slot)) slot.clock = now;
    Store(i, slot);
  }
}

void SlotTable::Clear() {
  for (size_t i = 0; i < size(); i++) Store(i, {});
}

dist_slot SlotTable::At(size_t index) const {
  std::atomic_ref atomic(memory_.words[index]);
  return std::bit_cast<dist_slot>(atomic.load(std::memory_order_acquire));
}

void SlotTable::Put(size_t index, dist_slot slot) { Store(index, slot); }

void SlotTable::RewriteSettled() {
  for (size_t i = 0; i < size(); i++) SetSettled(i, SettledOwner(At(i)));
}

}  // namespace distributor

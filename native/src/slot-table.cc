// SPDX-License-Identifier: Apache-2.0
#include "slot-table.h"

#include <atomic>
#include <bit>

namespace distributor {

namespace {

dist_slot Load(uint64_t& word) {
  return std::bit_cast<dist_slot>(std::atomic_ref(word).load(std::memory_order_acquire));
}

void Store(uint64_t& word, dist_slot slot) {
  std::atomic_ref(word).store(std::bit_cast<uint64_t>(slot), std::memory_order_release);
}

// Replaces the slot by change(slot) in one step, however often its clock moves meanwhile.
template <typename Change>
dist_slot Update(uint64_t& word, Change change) {
  std::atomic_ref atomic(word);
  uint64_t before = atomic.load(std::memory_order_acquire);
  for (;;) {
    dist_slot after = change(std::bit_cast<dist_slot>(before));
    uint64_t desired = std::bit_cast<uint64_t>(after);
    if (desired == before || atomic.compare_exchange_weak(before, desired)) return after;
  }
}

bool IsUnsettled(dist_slot slot) { return slot.previous != DIST_SETTLED; }

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

SlotTable::SlotTable(std::span<uint64_t> words, std::shared_ptr<const void> memory)
    : words_(words), memory_(std::move(memory)) {}

SlotTable::Applied SlotTable::Apply(std::span<const uint16_t> owners,
                                    std::span<const uint16_t> retired, uint32_t now) {
  OwnerSet gone(retired);
  Applied applied{};
  for (size_t i = 0; i < words_.size(); i++) {
    dist_slot before = Load(words_[i]);
    bool changed = before.current != owners[i];
    if (!changed && !IsUnsettled(before)) continue;
    dist_slot after =
        Update(words_[i], [&](dist_slot slot) { return Transition(slot, owners[i], gone, now); });
    applied.changed += changed;
    applied.unsettled += IsUnsettled(after);
  }
  return applied;
}

SlotTable::Settled SlotTable::Settle(uint32_t now, uint32_t idle) {
  Settled settled{};
  for (uint64_t& word : words_) {
    if (!IsUnsettled(Load(word))) continue;
    dist_slot after = Update(word, [&](dist_slot slot) {
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
  size_t ratio = words_.size() / smaller.words_.size();
  for (size_t i = 0; i < words_.size(); i++) {
    dist_slot slot = Load(smaller.words_[i / ratio]);
    if (IsUnsettled(slot)) slot.clock = now;
    Store(words_[i], slot);
  }
}

void SlotTable::Clear() {
  for (uint64_t& word : words_) Store(word, {});
}

dist_slot SlotTable::At(size_t index) const { return Load(words_[index]); }

void SlotTable::Put(size_t index, dist_slot slot) { Store(words_[index], slot); }

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "table-builder.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "hash.h"

namespace distributor {

namespace {

// A larger table refines this one: each of its slots stands for one here, next to its
// siblings, and is preferred like it. So doubling a table moves hardly any client.
constexpr int kCoarseBits = 12;

// A position's order of preference over all slots: a permutation of [0, size). Two rounds
// of multiply and fold, each a bijection on the index's bits. Plain arithmetic progressions
// would do for fairness, but those of two positions can run in step and then move up to
// twice the ideal share of clients.
class Preference {
 public:
  Preference(uint64_t seed, uint32_t position, uint32_t size) {
    int bits = std::countr_zero(size);
    int coarse = std::min(bits, kCoarseBits);
    fine_bits_ = bits - coarse;
    mask_ = (1u << coarse) - 1;
    fold_ = coarse / 2 + 1;
    uint64_t first = dist_mix(dist_mix(seed) ^ (position + 1));
    uint64_t second = dist_mix(first);
    multiplier_ = static_cast<uint32_t>(first) | 1;
    offset_ = static_cast<uint32_t>(first >> 32);
    second_multiplier_ = static_cast<uint32_t>(second) | 1;
  }

  uint32_t Slot(uint32_t rank) const {
    uint32_t slot = ((rank >> fine_bits_) * multiplier_ + offset_) & mask_;
    slot ^= slot >> fold_;
    slot = (slot * second_multiplier_) & mask_;
    slot ^= slot >> fold_;
    return slot << fine_bits_ | (rank & ((1u << fine_bits_) - 1));
  }

 private:
  uint32_t mask_, multiplier_, offset_, second_multiplier_;
  int fold_, fine_bits_;
};

struct Bidder {
  uint16_t owner;
  uint64_t weight;
  Preference preference;
  uint32_t quota = 0;  // slots it may still take
  uint32_t rank = 0;   // its next bid
};

// Largest remainder: the sum of the quotas is `size`, each within one slot of its share.
void ShareOut(std::vector<Bidder>& bidders, uint32_t size) {
  uint64_t total = 0;
  for (const Bidder& bidder : bidders) total += bidder.weight;
  uint32_t left = size;
  for (Bidder& bidder : bidders) {
    bidder.quota = static_cast<uint32_t>(bidder.weight * size / total);
    left -= bidder.quota;
  }
  std::vector<uint32_t> order(bidders.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return bidders[a].weight * size % total > bidders[b].weight * size % total;
  });
  for (uint32_t i = 0; i < left; i++) bidders[order[i]].quota++;
}

constexpr uint32_t kNobody = UINT32_MAX;

struct Bid {
  uint64_t score = UINT64_MAX;
  uint32_t bidder = kNobody;

  // The slot prefers the position that prefers it more; a heavier one bids deeper.
  bool Beats(const Bid& other) const {
    return score != other.score ? score < other.score : bidder < other.bidder;
  }
};

}  // namespace

std::vector<uint16_t> BuildTable(uint64_t seed, std::span<const uint32_t> weights, uint32_t size) {
  std::vector<uint16_t> owners(size, 0);
  std::vector<Bidder> bidders;
  for (uint32_t i = 0; i < weights.size(); i++)
    if (weights[i] != 0)
      bidders.push_back({.owner = static_cast<uint16_t>(i + 1),
                         .weight = weights[i],
                         .preference = Preference(seed, i, size)});
  if (bidders.empty()) return owners;
  ShareOut(bidders, size);

  // Deferred acceptance (Gale and Shapley, 1962): each bids for its slots in order of
  // preference; a slot keeps the best bid and sends the other bidder on. Both sides rank
  // by the same score, so the result does not depend on the order of the bids. Quotas add
  // up to `size`, so nobody runs out of slots to bid for.
  std::vector<Bid> accepted(size);
  std::vector<uint32_t> bidding(bidders.size());
  std::iota(bidding.begin(), bidding.end(), 0);
  while (!bidding.empty()) {
    uint32_t index = bidding.back();
    Bidder& bidder = bidders[index];
    if (bidder.quota == 0) {
      bidding.pop_back();
      continue;
    }
    Bid& best = accepted[bidder.preference.Slot(bidder.rank)];
    bidder.rank++;
    Bid bid = {.score = (uint64_t{bidder.rank} << 32) / bidder.weight, .bidder = index};
    if (!bid.Beats(best)) continue;
    bidder.quota--;
    uint32_t outbid = best.bidder;
    best = bid;
    if (outbid != kNobody && bidders[outbid].quota++ == 0) bidding.push_back(outbid);
  }
  for (uint32_t i = 0; i < size; i++) owners[i] = bidders[accepted[i].bidder].owner;
  return owners;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "methods.h"

#include "hash.h"
#include "table-builder.h"

namespace bench {

namespace {

using Owners = std::vector<uint16_t>;

std::vector<uint16_t> Present(const std::vector<bool> &is_here) {
  std::vector<uint16_t> owners;
  for (size_t i = 0; i < is_here.size(); i++)
    if (is_here[i]) owners.push_back(static_cast<uint16_t>(i + 1));
  return owners;
}

uint64_t Hash(uint64_t seed, uint64_t a, uint64_t b = 0) {
  return dist_mix(dist_mix(dist_mix(seed) ^ a) ^ b);
}

Owners StableMatching(uint64_t seed, const std::vector<bool> &is_here, uint32_t size) {
  std::vector<uint32_t> weights(is_here.begin(), is_here.end());
  return distributor::BuildTable(seed, weights, size);
}

// Eisenbud et al., NSDI 2016, section 3.4: each in turn takes the next free slot of its own
// permutation, an arithmetic progression. Sizes are powers of two, so the step is odd.
Owners Maglev(uint64_t seed, const std::vector<bool> &is_here, uint32_t size) {
  struct Progression {
    uint16_t owner;
    uint32_t next, step;
  };
  std::vector<Progression> progressions;
  for (uint16_t owner : Present(is_here)) {
    uint64_t hash = Hash(seed, owner);
    progressions.push_back({owner, static_cast<uint32_t>(hash >> 32) & (size - 1),
                            (static_cast<uint32_t>(hash) | 1) & (size - 1)});
  }
  Owners owners(size, 0);
  for (uint32_t taken = 0; taken < size;)
    for (Progression &progression : progressions) {
      if (taken == size) break;
      while (owners[progression.next] != 0)
        progression.next = (progression.next + progression.step) & (size - 1);
      owners[progression.next] = progression.owner;
      taken++;
    }
  return owners;
}

// Thaler and Ravishankar, 1998: each slot goes to whoever has the highest hash with it.
Owners Rendezvous(uint64_t seed, const std::vector<bool> &is_here, uint32_t size) {
  std::vector<uint16_t> present = Present(is_here);
  std::vector<uint64_t> keys;
  for (uint16_t owner : present) keys.push_back(Hash(seed, owner));
  Owners owners(size, 0);
  for (uint32_t slot = 0; slot < size; slot++) {
    uint64_t best = 0;
    for (size_t i = 0; i < present.size(); i++) {
      uint64_t score = dist_mix(keys[i] ^ slot);
      if (owners[slot] != 0 && score <= best) continue;
      best = score;
      owners[slot] = present[i];
    }
  }
  return owners;
}

Owners Modulo(uint64_t, const std::vector<bool> &is_here, uint32_t size) {
  std::vector<uint16_t> present = Present(is_here);
  Owners owners(size);
  for (uint32_t slot = 0; slot < size; slot++) owners[slot] = present[slot % present.size()];
  return owners;
}

}  // namespace

Method MethodNamed(const std::string &name) {
  if (name == "stable-matching") return StableMatching;
  if (name == "maglev") return Maglev;
  if (name == "rendezvous") return Rendezvous;
  return name == "modulo" ? Modulo : nullptr;
}

}  // namespace bench

// SPDX-License-Identifier: Apache-2.0
#include "carry-over.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "abi.h"
#include "errors.h"
#include "map-copy.h"
#include "mapped-array.h"
#include "openings.h"

namespace distributor {

namespace {

template <typename T>
T As(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

bool IsLater(dist_pin a, dist_pin b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b)) > 0;
}

// What the kernel says of a map before it is made.
bpf_map_info Declared(const bpf_map* map) {
  bpf_map_info info{};
  info.type = bpf_map__type(map);
  info.key_size = bpf_map__key_size(map);
  info.value_size = bpf_map__value_size(map);
  info.max_entries = bpf_map__max_entries(map);
  info.map_flags = bpf_map__map_flags(map);
  return info;
}

void RequireRoom(const char* what, uint64_t used, uint64_t room) {
  if (used <= room) return;
  throw SystemError("adopt", E2BIG,
                    std::string("capacity.") + what + " is " + std::to_string(room) +
                        ", and places up to " + std::to_string(used) + " are in use");
}

}  // namespace

std::vector<std::string> CarryOver::Carried(const MapSet& before) const {
  std::vector<std::string> carried;
  for (const auto& [name, layout] : layouts_) {
    auto known = before.maps.find(name);
    bool is_same =
        known != before.maps.end() &&
        IsSame(InfoOf(known->second.get()), before.layouts.at(name), Wanted(name), layout);
    if (!is_same) carried.push_back(name);
  }
  auto has = [&](const char* name) { return std::ranges::count(carried, name) > 0; };
  if (has("flows") != has("shares")) carried.push_back(has("flows") ? "shares" : "flows");
  if (!carried.empty() && !has("layout")) carried.push_back("layout");
  return carried;
}

void CarryOver::CheckRoom(const MapSet& before) const {
  uint64_t slots = 0, vips = 0, flows = 0, count = 0;
  ForEachOf(before, "tables", [&](const std::byte*, const std::byte* value) {
    auto table = As<dist_table>(value);
    slots = std::max(slots, uint64_t{table.slot_base} + table.slots);
  });
  ForEachOf(before, "vips", [&](const std::byte*, const std::byte* value) {
    vips = std::max<uint64_t>({vips, As<dist_vip>(value).counters, ++count});
  });
  bool is_total = true;
  ForEachOf(before, "shares", [&](const std::byte*, const std::byte* value) {
    if (is_total) flows = As<dist_share>(value).used;
    is_total = false;
  });
  RequireRoom("slots", slots, Wanted("slots").max_entries);
  RequireRoom("vips", vips, Wanted("vips").max_entries);
  RequireRoom("flows", flows, Wanted("flows").max_entries);
}

void CarryOver::Header(const MapSet& before,
                       const std::function<void(const dist_header&)>& visit) const {
  ForEachOf(before, "header",
            [&](const std::byte*, const std::byte* value) { visit(As<dist_header>(value)); });
}

void CarryOver::Copy(const MapSet& before, const std::vector<std::string>& carried) const {
  for (const std::string& name : carried)
    if (before.maps.contains(name) && name != "layout" && name != "flows" && name != "openings")
      CopyPlain(before, name);
  Merge(before);
}

uint64_t CarryOver::Merge(const MapSet& before) const {
  uint64_t lost = IsShared(before, "flows") ? 0 : MergeFlows(before);
  if (!IsShared(before, "openings")) MergeOpenings(before);
  if (!IsShared(before, "slots")) MergeSlots(before);
  return lost;
}

void CarryOver::CopyPlain(const MapSet& before, const std::string& map) const {
  bpf_map_info wanted = Wanted(map);
  bool is_array = wanted.type == BPF_MAP_TYPE_ARRAY || wanted.type == BPF_MAP_TYPE_PERCPU_ARRAY;
  ForEachOf(before, map, [&](const std::byte* key, const std::byte* value) {
    if (is_array && As<uint32_t>(key) >= wanted.max_entries) return;
    if (map == "shares") {
      // Entries count as they come: see MergeFlows().
      auto share = As<dist_share>(value);
      share.used = 0;
      Check("bpf(carry over)", bpf_map_update_elem(Fd(map), key, &share, BPF_ANY));
      return;
    }
    Check("bpf(carry over)", bpf_map_update_elem(Fd(map), key, value, BPF_ANY));
  });
}

// Of two entries the later one is right. New ones count in their shares.
uint64_t CarryOver::MergeFlows(const MapSet& before) const {
  constexpr uint64_t kOne = uint64_t{1} << 32;  // `used` is the high half of a share's first word
  constexpr size_t kWords = sizeof(dist_share) / sizeof(uint64_t);
  uint32_t shares = Wanted("shares").max_entries;
  MappedArray words(Fd("shares"), shares * kWords);
  uint64_t lost = 0;
  auto share_of = [&](uint32_t index) { return std::atomic_ref(words.words()[index * kWords]); };
  ForEachOf(before, "flows", [&](const std::byte* key, const std::byte* value) {
    auto flow = As<dist_flow>(value);
    if (flow.pin == 0 || flow.share >= shares) return;
    dist_flow known;
    int result = bpf_map_lookup_elem(Fd("flows"), key, &known);
    if (result == 0 && !IsLater(flow.pin, known.pin)) return;
    if (result != -ENOENT) Check("bpf(carry over)", result);
    int put = bpf_map_update_elem(Fd("flows"), key, &flow, BPF_ANY);
    if (put == -E2BIG) {
      lost++;
      return;
    }
    Check("bpf(carry over)", put);
    if (result == 0) return;
    share_of(DIST_COUNTERS_NO_VIP).fetch_add(kOne);
    if (flow.share != DIST_COUNTERS_NO_VIP) share_of(flow.share).fetch_add(kOne);
  });
  return lost;
}

// An opening's place follows from its hash, of which its place before tells the low bits. In mapped
// memory: after a flood there are millions, and a few system calls for each take seconds.
void CarryOver::MergeOpenings(const MapSet& before) const {
  constexpr size_t kWords = sizeof(dist_opening) / sizeof(uint64_t);
  uint32_t elements = Wanted("openings").max_entries;
  MappedArray words(Fd("openings"), elements * kWords);
  auto tag_of = [&](uint32_t index) { return std::atomic_ref(words.words()[index * kWords]); };
  auto pin_of = [&](uint32_t index) { return std::atomic_ref(words.words()[index * kWords + 1]); };
  auto read = [&](uint32_t index) -> dist_opening {
    return {.tag = tag_of(index).load(), .pin = pin_of(index).load()};
  };
  ForEachOf(before, "openings", [&](const std::byte* key, const std::byte* value) {
    auto opening = As<dist_opening>(value);
    if (opening.pin == 0) return;
    uint64_t hash =
        ((opening.tag ^ opening.pin) & ~DIST_MARK_MASK) | (As<uint32_t>(key) & DIST_MARK_MASK);
    OpeningPlace place = FindOpening(elements - 1, hash, read);
    dist_pin known = place.opening.pin;
    if (known != 0 && !IsLater(opening.pin, known)) return;
    pin_of(place.index).store(opening.pin);
    tag_of(place.index).store(opening.tag);
  });
}

// The old program may have moved clocks since they were copied.
void CarryOver::MergeSlots(const MapSet& before) const {
  uint32_t slots = Wanted("slots").max_entries;
  MappedArray words(Fd("slots"), slots);
  ForEachOf(before, "slots", [&](const std::byte* key, const std::byte* value) {
    auto slot = As<dist_slot>(value);
    uint32_t index = As<uint32_t>(key);
    if (slot.previous == DIST_SETTLED || index >= slots) return;
    std::atomic_ref word(words.words()[index]);
    uint64_t known = word.load();
    auto current = std::bit_cast<dist_slot>(known);
    if (static_cast<int32_t>(slot.clock - current.clock) <= 0) return;
    current.clock = slot.clock;
    word.compare_exchange_strong(known, std::bit_cast<uint64_t>(current));
  });
}

bpf_map_info CarryOver::Wanted(const std::string& map) const {
  return Declared(bpf_object__find_map_by_name(&object_, map.c_str()));
}

int CarryOver::Fd(const std::string& map) const {
  return bpf_map__fd(bpf_object__find_map_by_name(&object_, map.c_str()));
}

bool CarryOver::IsShared(const MapSet& before, const std::string& map) const {
  auto known = before.maps.find(map);
  return known == before.maps.end() || InfoOf(known->second.get()).id == InfoOf(Fd(map)).id;
}

void CarryOver::ForEachOf(const MapSet& before, const std::string& map,
                          const OnElement& visit) const {
  auto known = before.maps.find(map);
  if (known == before.maps.end()) return;
  ForEach({.fd = known->second.get(), .layout = before.layouts.at(map)}, Wanted(map),
          layouts_.at(map), visit);
}

}  // namespace distributor

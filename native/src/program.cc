// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <bpf/bpf.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "abi.h"
#include "carry-over.h"
#include "distributor.skel.h"
#include "errors.h"
#include "map-copy.h"
#include "readers.h"

namespace distributor {

namespace {

constexpr uint32_t kMaxOpenings = 1u << 28;  // 4 GiB
// An opening's place tells the bits of its hash that its tag does not have.
constexpr uint32_t kMinOpenings = DIST_MARK_MASK + 1;
constexpr uint32_t kFirstSet = 1;

// libbpf reports through one process-wide callback; what it says while a call runs on
// this thread becomes the `details` of that call's error.
thread_local std::string libbpf_said;

int RememberMessage(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  int length = std::vsnprintf(line, sizeof line, format, arguments);
  libbpf_said.append(line);
  return length;
}

// The one element of a map.
template <typename T>
T Read(int map) {
  uint32_t index = 0;
  T value;
  Check("bpf(read map)", bpf_map_lookup_elem(map, &index, &value));
  return value;
}

template <typename T>
void Write(int map, const T& value) {
  uint32_t index = 0;
  Check("bpf(write map)", bpf_map_update_elem(map, &index, &value, BPF_ANY));
}

// What is pinned of the maps that the program has, too.
MapSet OpenSet(const Pins& pins, uint32_t set, const bpf_object& object) {
  MapSet result;
  bpf_map* map;
  bpf_object__for_each_map(map, &object) {
    if (!IsKept(map)) continue;
    FileDescriptor fd = pins.OpenMap(set, bpf_map__name(map));
    if (fd.get() >= 0) result.maps[bpf_map__name(map)] = std::move(fd);
  }
  auto text = Read<dist_layout>(result.maps.at(kLastPinned).get());
  result.layouts = Parse({text.text, strnlen(text.text, sizeof text.text)});
  auto refuse = [](const std::string& what) {
    throw SystemError(
        "adopt", EUCLEAN,
        what + ": distributorctl teardown removes what is pinned, and ends forwarding");
  };
  for (const auto& [name, fd] : result.maps)
    if (!result.layouts.contains(name))
      refuse("what is pinned does not say how its map " + name + " is laid out");
    else if (!Fits(result.layouts.at(name), InfoOf(fd.get())))
      refuse("what is pinned says of its map " + name + " what cannot be");
  bpf_object__for_each_map(map, &object) {
    std::string name = bpf_map__name(map);
    if (result.layouts.contains(name) && !result.maps.contains(name))
      refuse("what is pinned lacks its map " + name);
  }
  return result;
}

}  // namespace

void Program::SkeletonDeleter::operator()(::distributor_bpf* skeleton) const {
  distributor_bpf__destroy(skeleton);
}

Program::Program(const Capacity& capacity, const std::optional<std::string>& pins)
    : pins_(pins ? std::make_unique<Pins>(*pins) : nullptr), links_(pins_.get()) {
  libbpf_set_print(RememberMessage);
  libbpf_said.clear();
  skeleton_.reset(distributor_bpf__open());
  if (!skeleton_) throw SystemError("bpf(open)", errno, libbpf_said);
  layouts_ = LayoutsOf(*skeleton_->obj);
  Size(capacity);
  uint64_t secret;
  Check("getrandom", static_cast<int>(getrandom(&secret, sizeof secret, 0)));
  ChooseSecret(secret);
  std::vector<uint32_t> sets = pins_ ? pins_->Sets() : std::vector<uint32_t>();
  if (sets.empty())
    Create();
  else
    TakeOver(std::move(sets));
}

Program::~Program() = default;

void Program::Size(const Capacity& capacity) {
  auto& maps = skeleton_->maps;
  opening_mask_ =
      std::bit_ceil(std::max(std::min(capacity.flows, kMaxOpenings / 4) * 4, kMinOpenings)) - 1;
  // Element 0 of what VIPs have is for packets of no VIP, and for all of them.
  auto cpus = static_cast<uint32_t>(Check("libbpf_num_possible_cpus", libbpf_num_possible_cpus()));
  const std::pair<bpf_map*, uint32_t> sizes[] = {
      {maps.vips, capacity.vips},
      {maps.memos, cpus << DIST_MEMO_BITS},
      {maps.slots, capacity.slots},
      {maps.settled, static_cast<uint32_t>(MappedSlots::SettledElements(capacity.slots))},
      {maps.positions, capacity.positions},
      {maps.learning, capacity.positions},
      {maps.flows, capacity.flows},
      {maps.openings, opening_mask_ + 1},
      {maps.fragments, capacity.fragments},
      {maps.shares, capacity.vips + 1},
      {maps.tallies, capacity.positions},
      {maps.claims, capacity.vips + 1},
      {maps.vip_counters, capacity.vips + 1},
      {maps.position_counters, capacity.positions},
      {maps.tables, capacity.positions},
      {maps.occupants, capacity.positions},
  };
  for (auto [map, size] : sizes) Check("bpf(size map)", bpf_map__set_max_entries(map, size));
  skeleton_->rodata->flow_capacity = capacity.flows;
  skeleton_->rodata->opening_mask = opening_mask_;
}

void Program::Load() {
  if (int result = distributor_bpf__load(skeleton_.get()); result < 0)
    throw SystemError("bpf(load)", -result, libbpf_said);
}

void Program::Create() {
  Load();
  dist_header header{};
  header.flow_secret = flow_secret_;
  header.abi_version = DIST_ABI_VERSION;
  Write(this->header(), header);
  if (!pins_) return;
  // Of maps whose set was not complete: nobody knows what they forward.
  for (uint32_t ifindex : pins_->Ports()) pins_->RemoveLink(ifindex);
  PinMaps(kFirstSet);
}

// The maps of the last set are used as they are, or, where they cannot be, copied. Nothing
// that forwards packets changes before the links do, one port after the other.
void Program::TakeOver(std::vector<uint32_t> sets) {
  const uint32_t last = sets.back();
  CarryOver carry_over(*skeleton_->obj, layouts_);
  MapSet before = OpenSet(*pins_, last, *skeleton_->obj);
  adoption_.found = true;
  adoption_.carried = carry_over.Carried(before);
  carry_over.CheckRoom(before);
  carry_over.Header(before, [&](const dist_header& header) {
    adoption_.abi_version = header.abi_version;
    ChooseSecret(header.flow_secret);
  });
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton_->obj) {
    const char* name = bpf_map__name(map);
    if (!IsKept(map) || std::ranges::count(adoption_.carried, name)) continue;
    Check("bpf(reuse map)", bpf_map__reuse_fd(map, before.maps.at(name).get()));
  }
  Load();
  if (adoption_.carried.empty()) {
    set_ = last;
    sets.pop_back();
  } else {
    carry_over.Copy(before, adoption_.carried);
    SetCarrying(true);
    PinMaps(last + 1);
  }
  uint32_t slots = bpf_map__max_entries(skeleton_->maps.slots);
  MappedSlots(slot_maps(), slots).Table(0, slots).RewriteSettled();
  links_.Adopt(fd());
  if (!sets.empty()) {
    WaitForReaders();
    for (uint32_t set : sets)
      adoption_.lost_flows += carry_over.Merge(OpenSet(*pins_, set, *skeleton_->obj));
  }
  SetCarrying(false);
  for (uint32_t set : sets) pins_->RemoveSet(set);
}

void Program::VipsChanged() { std::atomic_ref(skeleton_->bss->vips_changes).fetch_add(1); }

void Program::ChooseSecret(uint64_t secret) {
  flow_secret_ = secret;
  skeleton_->rodata->flow_secret = secret;
}

// The map that says how all are laid out comes last: with it the set is complete.
void Program::PinMaps(uint32_t set) {
  dist_layout layout{};
  std::string text = Format(layouts_);
  if (text.size() >= sizeof layout.text) throw SystemError("describe maps", E2BIG);
  std::ranges::copy(text, layout.text);
  Write(bpf_map__fd(skeleton_->maps.layout), layout);
  set_ = set;
  PinMissing();
}

uint32_t Program::PinMissing() const {
  uint32_t missing = 0;
  auto pin = [&](const bpf_map* map) {
    if (pins_->HasMap(set_, bpf_map__name(map))) return;
    pins_->PinMap(set_, bpf_map__name(map), bpf_map__fd(map));
    missing++;
  };
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton_->obj) if (IsKept(map) && map != skeleton_->maps.layout)
      pin(map);
  pin(skeleton_->maps.layout);
  return missing;
}

uint32_t Program::KeepPinned() const { return pins_ ? PinMissing() + links_.KeepPinned() : 0; }

void Program::SetCarrying(bool carrying) {
  auto header = Read<dist_header>(this->header());
  header.abi_version = DIST_ABI_VERSION;
  header.carrying = carrying;
  Write(this->header(), header);
}

int Program::fd() const { return bpf_program__fd(skeleton_->progs.distributor); }
int Program::vips() const { return bpf_map__fd(skeleton_->maps.vips); }
MappedSlots::Maps Program::slot_maps() const {
  return {bpf_map__fd(skeleton_->maps.slots), bpf_map__fd(skeleton_->maps.settled)};
}
int Program::positions() const { return bpf_map__fd(skeleton_->maps.positions); }
int Program::learning() const { return bpf_map__fd(skeleton_->maps.learning); }
int Program::flows() const { return bpf_map__fd(skeleton_->maps.flows); }
int Program::openings() const { return bpf_map__fd(skeleton_->maps.openings); }
int Program::fragments() const { return bpf_map__fd(skeleton_->maps.fragments); }
int Program::shares() const { return bpf_map__fd(skeleton_->maps.shares); }
int Program::claims() const { return bpf_map__fd(skeleton_->maps.claims); }
int Program::tallies() const { return bpf_map__fd(skeleton_->maps.tallies); }
int Program::header() const { return bpf_map__fd(skeleton_->maps.header); }
int Program::tables() const { return bpf_map__fd(skeleton_->maps.tables); }
int Program::occupants() const { return bpf_map__fd(skeleton_->maps.occupants); }
int Program::sweep_flows() const { return bpf_program__fd(skeleton_->progs.sweep_flows); }
int Program::vip_counters() const { return bpf_map__fd(skeleton_->maps.vip_counters); }
int Program::position_counters() const { return bpf_map__fd(skeleton_->maps.position_counters); }

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "datapath.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>

#include "abi.h"
#include "arguments.h"
#include "errors.h"
#include "slot-table-object.h"

namespace distributor {

namespace {

dist_vip_key VipKeyFrom(const Napi::Object& object) {
  return {.ifindex = Uint32At(object, "ifindex"),
          .outer_vlan = static_cast<uint16_t>(Uint32At(object, "outerVlan", 4094)),
          .inner_vlan = static_cast<uint16_t>(Uint32At(object, "innerVlan", 4094)),
          .address = AddressAt(object, "address")};
}

dist_vip VipFrom(const Napi::Object& object) {
  uint32_t table_size = Uint32At(object, "tableSize");
  if (!std::has_single_bit(table_size) || table_size < 2)
    throw ArgumentError(object.Env(), "tableSize", "must be a power of two from 2 on");
  dist_vip vip{};
  vip.hash_seed = Uint64At(object, "seed");
  vip.slot_base = Uint32At(object, "slotBase");
  vip.position_base = Uint32At(object, "positionBase");
  vip.vip_id = Uint32At(object, "vipId");
  vip.counters = Uint32At(object, "counters");
  vip.tcp_idle = Uint32At(object, "tcpIdle");
  vip.other_idle = Uint32At(object, "otherIdle");
  vip.slot_shift = static_cast<uint8_t>(std::countl_zero(table_size) + 1);
  vip.affinity =
      static_cast<uint8_t>(Uint32At(object, "affinity", DIST_AFFINITY_SOURCE_IP_AND_PORT));
  vip.tracking = static_cast<uint8_t>(Uint32At(object, "tracking", DIST_TRACKING_STATELESS));
  vip.distributor = IdAt(object, "distributorId");
  Mac mac = MacAt(object, "mac");
  std::copy(mac.begin(), mac.end(), vip.mac);
  return vip;
}

// Reads element `index` of a per-CPU array and adds it up; T is made of 64-bit counters.
template <typename T>
T Sum(int map, uint32_t index, int cpus) {
  static_assert(sizeof(T) % sizeof(__u64) == 0);
  std::vector<T> values(cpus);
  Check("bpf(read counters)", bpf_map_lookup_elem(map, &index, values.data()));
  T total{};
  auto* sums = reinterpret_cast<__u64*>(&total);
  for (const T& value : values) {
    auto* counts = reinterpret_cast<const __u64*>(&value);
    for (size_t i = 0; i < sizeof(T) / sizeof(__u64); i++) sums[i] += counts[i];
  }
  return total;
}

template <typename T>
void ZeroCounters(int map, uint32_t index, int cpus) {
  std::vector<T> zeros(cpus);
  Check("bpf(reset counters)", bpf_map_update_elem(map, &index, zeros.data(), BPF_ANY));
}

uint32_t IndexFrom(const Napi::CallbackInfo& info, uint32_t end) {
  double index = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(index >= 0 && index < end) || index != std::floor(index))
    throw ArgumentError(info.Env(), "index", "is out of range");
  return static_cast<uint32_t>(index);
}

Napi::Number Count(Napi::Env env, uint64_t count) {
  return Napi::Number::New(env, static_cast<double>(count));
}

}  // namespace

Napi::Function Datapath::Define(Napi::Env env) {
  return DefineClass(env, "Datapath",
                     {InstanceMethod<&Datapath::Attach>("attach"),
                      InstanceMethod<&Datapath::Detach>("detach"),
                      InstanceMethod<&Datapath::IsAttached>("isAttached"),
                      InstanceMethod<&Datapath::KeepPinned>("keepPinned"),
                      InstanceMethod<&Datapath::Adopted>("adopted"),
                      InstanceMethod<&Datapath::Occupants>("occupants"),
                      InstanceMethod<&Datapath::PutTable>("putTable"),
                      InstanceMethod<&Datapath::DeleteTable>("deleteTable"),
                      InstanceMethod<&Datapath::SetWeights>("setWeights"),
                      InstanceMethod<&Datapath::NewVipId>("newVipId"),
                      InstanceMethod<&Datapath::MoveVip>("moveVip"),
                      InstanceMethod<&Datapath::SetCarrying>("setCarrying"),
                      InstanceMethod<&Datapath::PutVip>("putVip"),
                      InstanceMethod<&Datapath::DeleteVip>("deleteVip"),
                      InstanceMethod<&Datapath::Table>("table"),
                      InstanceMethod<&Datapath::SetPosition>("setPosition"),
                      InstanceMethod<&Datapath::SetLearning>("setLearning"),
                      InstanceMethod<&Datapath::MovePositions>("movePositions"),
                      InstanceMethod<&Datapath::VipCounters>("vipCounters"),
                      InstanceMethod<&Datapath::PositionCounters>("positionCounters"),
                      InstanceMethod<&Datapath::ResetVip>("resetVip"),
                      InstanceMethod<&Datapath::ResetPositionCounters>("resetPositionCounters"),
                      InstanceMethod<&Datapath::GetFlow>("getFlow"),
                      InstanceMethod<&Datapath::GetOpening>("getOpening"),
                      InstanceMethod<&Datapath::PutFlow>("putFlow"),
                      InstanceMethod<&Datapath::GetFragment>("getFragment"),
                      InstanceMethod<&Datapath::PutFragment>("putFragment"),
                      InstanceMethod<&Datapath::FlowUse>("flowUse"),
                      InstanceMethod<&Datapath::SweepFlows>("sweepFlows"),
                      InstanceMethod<&Datapath::Claims>("claims"),
                      InstanceMethod<&Datapath::Defend>("defend"),
                      InstanceMethod<&Datapath::TestRun>("testRun"),
                      InstanceMethod<&Datapath::Inventory>("inventory"),
                      InstanceMethod<&Datapath::Close>("close")});
}

Datapath::Datapath(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  auto options = info[0].As<Napi::Object>();
  capacity_ = {.vips = Uint32At(options, "vips"),
               .slots = Uint32At(options, "slots"),
               .positions = Uint32At(options, "positions"),
               .flows = Uint32At(options, "flows"),
               .fragments = Uint32At(options, "fragments")};
  std::optional<std::string> pins;
  if (!options.Get("pins").IsNull()) pins = StringAt(options, "pins");
  Guard(info.Env(), [&] {
    cpus_ = Check("libbpf_num_possible_cpus", libbpf_num_possible_cpus());
    program_ = std::make_unique<Program>(capacity_, pins);
    slots_ = std::make_unique<MappedSlots>(program_->slot_maps(), capacity_.slots);
    positions_ = std::make_shared<MappedArray>(program_->positions(), capacity_.positions);
    learning_ = std::make_shared<MappedArray>(program_->learning(), capacity_.positions);
    shares_ =
        std::make_shared<MappedArray>(program_->shares(), (capacity_.vips + 1) * kWordsOfShare);
    claims_ =
        std::make_shared<MappedArray>(program_->claims(), (capacity_.vips + 1) * kWordsOfClaim);
    tallies_ =
        std::make_shared<MappedArray>(program_->tallies(), capacity_.positions * kWordsOfTally);
    occupants_ = std::make_shared<MappedArray>(program_->occupants(),
                                               capacity_.positions * kWordsOfOccupant);
    header_ = std::make_shared<MappedArray>(program_->header(), kWordsOfHeader);
    FreeShares();
  });
}

Program& Datapath::Open(Napi::Env env) const {
  if (!program_) throw ClosedError(env, "Datapath");
  return *program_;
}

// {ifindex}
Napi::Value Datapath::Attach(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t ifindex = Uint32At(info[0].As<Napi::Object>(), "ifindex");
  XdpMode mode = Guard(info.Env(), [&] {
    program.links().Attach(ifindex, program.fd());
    return ModeOf(ifindex);
  });
  return Napi::String::New(info.Env(), mode == XdpMode::kNative ? "native" : "generic");
}

void Datapath::Detach(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t ifindex = Uint32At(info[0].As<Napi::Object>(), "ifindex");
  Guard(info.Env(), [&] { program.links().Detach(ifindex); });
}

// → how many pins were missing
Napi::Value Datapath::KeepPinned(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t missing = Guard(info.Env(), [&] { return program.KeepPinned(); });
  return Napi::Number::New(info.Env(), missing);
}

// {ifindex} → boolean
Napi::Value Datapath::IsAttached(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t ifindex = Uint32At(info[0].As<Napi::Object>(), "ifindex");
  bool attached = Guard(info.Env(), [&] { return program.links().IsAttached(ifindex); });
  return Napi::Boolean::New(info.Env(), attached);
}

// → whether it was there already
Napi::Value Datapath::PutVip(const Napi::CallbackInfo& info) {
  Open(info.Env());
  return Napi::Boolean::New(info.Env(), Write(info[0].As<Napi::Object>()));
}

// a VIP, and `from`: the index of its port before
void Datapath::MoveVip(const Napi::CallbackInfo& info) {
  Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  dist_vip_key before = VipKeyFrom(object);
  before.ifindex = Uint32At(object, "from");
  Write(object);
  Guard(info.Env(), [&] { Erase(before, Uint32At(object, "vipId")); });
}

// Not if another VIP has come to its place: ports may exchange their indexes.
void Datapath::Erase(const dist_vip_key& key, uint32_t vip_id) {
  dist_vip found;
  int result = bpf_map_lookup_elem(program_->vips(), &key, &found);
  if (result == 0 && found.vip_id == vip_id) result = bpf_map_delete_elem(program_->vips(), &key);
  if (result != -ENOENT) Check("bpf(delete vip)", result);
  program_->VipsChanged();
}

bool Datapath::Write(const Napi::Object& object) {
  dist_vip_key key = VipKeyFrom(object);
  dist_vip vip = VipFrom(object);
  uint32_t since = Uint32At(object, "since");
  std::string port = StringAt(object, "port");
  if (port.size() >= sizeof dist_share::port)
    throw ArgumentError(object.Env(), "port", "is longer than a port's name can be");
  if (vip.slot_base > capacity_.slots ||
      Uint32At(object, "tableSize") > capacity_.slots - vip.slot_base)
    throw ArgumentError(object.Env(), "slotBase", "the table is outside of the map");
  if (vip.position_base >= capacity_.positions)
    throw ArgumentError(object.Env(), "positionBase", "is out of range");
  if (vip.counters == DIST_COUNTERS_NO_VIP || vip.counters > capacity_.vips)
    throw ArgumentError(object.Env(), "counters", "is out of range");
  return Guard(object.Env(), [&] {
    dist_vip before;
    bool is_replaced = bpf_map_lookup_elem(program_->vips(), &key, &before) == 0;
    GiveShare(vip, since, port);
    Check("bpf(put vip)", bpf_map_update_elem(program_->vips(), &key, &vip, BPF_ANY));
    program_->VipsChanged();
    return is_replaced;
  });
}

// a VIP's key, and {vipId, counters}
void Datapath::DeleteVip(const Napi::CallbackInfo& info) {
  Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  dist_vip_key key = VipKeyFrom(object);
  uint32_t vip_id = Uint32At(object, "vipId");
  uint32_t counters = Uint32At(object, "counters", capacity_.vips);
  Guard(info.Env(), [&] { Erase(key, vip_id); });
  // Nobody's: the next sweep removes the VIP's entries.
  std::atomic_ref<uint64_t> share = ShareOf(counters);
  if (static_cast<uint32_t>(share.load()) == vip_id) share.store(0);
}

// The share passes to the VIP; entries of the one before no longer count in it. The sweep
// may read meanwhile: the first word, by which it knows them, goes first.
void Datapath::GiveShare(const dist_vip& vip, uint32_t since, const std::string& port) {
  std::atomic_ref<uint64_t> owner = ShareOf(vip.counters);
  if (static_cast<uint32_t>(owner.load()) != vip.vip_id) owner.store(vip.vip_id);
  dist_share share{};
  share.tcp_idle = vip.tcp_idle;
  share.other_idle = vip.other_idle;
  share.position_base = vip.position_base;
  share.since = since;
  port.copy(share.port, port.size());
  auto words = std::bit_cast<std::array<uint64_t, kWordsOfShare>>(share);
  for (size_t i = 1; i < kWordsOfShare; i++)
    std::atomic_ref(shares_->words()[vip.counters * kWordsOfShare + i]).store(words[i]);
}

std::atomic_ref<uint64_t> Datapath::ShareOf(uint32_t index) const {
  return std::atomic_ref(shares_->words()[index * kWordsOfShare]);
}

// {index: of the distributor's first position, until: s}
void Datapath::SetLearning(const Napi::CallbackInfo& info) {
  size_t index = PositionIndex(info);
  uint64_t until = Uint32At(info[0].As<Napi::Object>(), "until");
  std::atomic_ref(learning_->words()[index]).store(until);
}

Napi::Value Datapath::Table(const Napi::CallbackInfo& info) {
  Open(info.Env());
  auto range = info[0].As<Napi::Object>();
  uint32_t base = Uint32At(range, "base"), size = Uint32At(range, "size");
  if (!std::has_single_bit(size)) throw ArgumentError(info.Env(), "size", "must be a power of two");
  if (base > capacity_.slots || size > capacity_.slots - base)
    throw ArgumentError(info.Env(), "base", "the table is outside of the map");
  return SlotTableObject::Make(info.Env(), slots_->Table(base, size));
}

size_t Datapath::PositionIndex(const Napi::CallbackInfo& info) const {
  Open(info.Env());
  return Uint32At(info[0].As<Napi::Object>(), "index", capacity_.positions - 1);
}

// {from, to, count}. What arrives for the old range meanwhile is not counted in the new.
void Datapath::MovePositions(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  auto move = info[0].As<Napi::Object>();
  uint32_t count = Uint32At(move, "count", capacity_.positions);
  uint32_t from = Uint32At(move, "from", capacity_.positions - count);
  uint32_t to = Uint32At(move, "to", capacity_.positions - count);
  std::vector<dist_position_counters> counters(cpus_);
  Guard(info.Env(), [&] {
    for (uint32_t i = 0; i < count; i++) {
      uint32_t source = from + i, target = to + i;
      std::atomic_ref(positions_->words()[target])
          .store(std::atomic_ref(positions_->words()[source]).load());
      std::ranges::copy(occupants_->words().subspan(source * kWordsOfOccupant, kWordsOfOccupant),
                        &occupants_->words()[target * kWordsOfOccupant]);
      Check("bpf(read counters)",
            bpf_map_lookup_elem(program.position_counters(), &source, counters.data()));
      Check("bpf(write counters)",
            bpf_map_update_elem(program.position_counters(), &target, counters.data(), BPF_ANY));
    }
  });
}

Napi::Value Datapath::VipCounters(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t index = VipIndex(info);
  auto counters = Guard(
      info.Env(), [&] { return Sum<dist_vip_counters>(program.vip_counters(), index, cpus_); });
  auto packets = Napi::Array::New(info.Env(), DIST_VERDICTS);
  for (uint32_t i = 0; i < DIST_VERDICTS; i++) packets[i] = Count(info.Env(), counters.packets[i]);
  auto result = Napi::Object::New(info.Env());
  result.Set("packets", packets);
  result.Set("bytes", Count(info.Env(), counters.bytes));
  return result;
}

Napi::Value Datapath::PositionCounters(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t index = IndexFrom(info, capacity_.positions);
  auto counters = Guard(info.Env(), [&] {
    return Sum<dist_position_counters>(program.position_counters(), index, cpus_);
  });
  auto result = Napi::Object::New(info.Env());
  result.Set("packets", Count(info.Env(), counters.packets));
  result.Set("bytes", Count(info.Env(), counters.bytes));
  result.Set("newFlows", Count(info.Env(), counters.new_flows));
  result.Set("openings", Count(info.Env(), counters.openings));
  return result;
}

uint32_t Datapath::VipIndex(const Napi::CallbackInfo& info) const {
  return IndexFrom(info, capacity_.vips + 1);
}

// Counters at 0, and no claim.
void Datapath::ResetVip(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t index = VipIndex(info);
  Guard(info.Env(), [&] { ZeroCounters<dist_vip_counters>(program.vip_counters(), index, cpus_); });
  for (uint64_t& word : claims_->words().subspan(index * kWordsOfClaim, kWordsOfClaim))
    std::atomic_ref(word).store(0);
}

void Datapath::ResetPositionCounters(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t index = IndexFrom(info, capacity_.positions);
  Guard(info.Env(),
        [&] { ZeroCounters<dist_position_counters>(program.position_counters(), index, cpus_); });
}

// Tables handed out keep the slots' memory, but no longer the kernel's program.
void Datapath::Close(const Napi::CallbackInfo&) {
  program_.reset();
  slots_.reset();
  positions_.reset();
  learning_.reset();
  shares_.reset();
  claims_.reset();
  tallies_.reset();
  occupants_.reset();
  header_.reset();
}

}  // namespace distributor

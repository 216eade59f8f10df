// SPDX-License-Identifier: Apache-2.0
// The part of Datapath that writes down what a daemon after this one has to know of the maps,
// and reads what the one before has left. See the ledger in bpf/abi.h.
#include <bpf/bpf.h>

#include <array>
#include <atomic>
#include <cstring>
#include <vector>

#include "arguments.h"
#include "datapath.h"
#include "errors.h"

namespace distributor {

namespace {

// Calls with every element of a hash that nobody changes meanwhile.
template <typename Key, typename Value, typename Visit>
void ForEachElement(int map, Visit visit) {
  Key key;
  Value value;
  for (int result = bpf_map_get_next_key(map, nullptr, &key); result != -ENOENT;
       result = bpf_map_get_next_key(map, &key, &key)) {
    Check("bpf(next key)", result);
    Check("bpf(read map)", bpf_map_lookup_elem(map, &key, &value));
    visit(key, value);
  }
}

Napi::Object PortToJs(Napi::Env env, uint32_t ifindex) {
  auto object = Napi::Object::New(env);
  object.Set("ifindex", ifindex);
  object.Set("xdpMode", ModeOf(ifindex) == XdpMode::kNative ? "native" : "generic");
  return object;
}

Napi::Object TableToJs(Napi::Env env, const dist_id& id, const dist_table& table) {
  auto object = Napi::Object::New(env);
  object.Set("distributorId", FormatId(id));
  object.Set("slotBase", table.slot_base);
  object.Set("positionBase", table.position_base);
  object.Set("size", table.slots);
  object.Set("assigned", table.assigned != 0);
  object.Set("idle", table.idle);
  return object;
}

Napi::Object VipToJs(Napi::Env env, const dist_vip_key& key, const dist_vip& vip) {
  auto object = Napi::Object::New(env);
  object.Set("distributorId", FormatId(vip.distributor));
  object.Set("ifindex", key.ifindex);
  object.Set("outerVlan", key.outer_vlan);
  object.Set("innerVlan", key.inner_vlan);
  object.Set("address", FormatAddress(key.address));
  object.Set("seed", Napi::BigInt::New(env, uint64_t{vip.hash_seed}));
  object.Set("slotBase", vip.slot_base);
  object.Set("tableSize", 1u << (32 - vip.slot_shift));
  object.Set("positionBase", vip.position_base);
  object.Set("vipId", vip.vip_id);
  object.Set("counters", vip.counters);
  object.Set("tcpIdle", vip.tcp_idle);
  object.Set("otherIdle", vip.other_idle);
  object.Set("affinity", vip.affinity);
  object.Set("tracking", vip.tracking);
  object.Set("mac", FormatMac(vip.mac));
  return object;
}

template <typename T>
Napi::Array ToArray(Napi::Env env, const std::vector<T>& values) {
  auto array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); i++) array[i] = values[i];
  return array;
}

}  // namespace

// → {found, abiVersion, carried: names of maps that were copied, lostFlows, ports, tables, vips}
Napi::Value Datapath::Adopted(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  Napi::Env env = info.Env();
  std::vector<Napi::Object> ports, tables, vips;
  Guard(env, [&] {
    for (uint32_t ifindex : program.links().Attached()) ports.push_back(PortToJs(env, ifindex));
    ForEachElement<dist_id, dist_table>(program.tables(), [&](auto& id, auto& table) {
      tables.push_back(TableToJs(env, id, table));
    });
    ForEachElement<dist_vip_key, dist_vip>(program.vips(), [&](auto& key, auto& vip) {
      auto object = VipToJs(env, key, vip);
      dist_share share;
      uint32_t index = std::min(vip.counters, capacity_.vips);  // whoever tampered with it
      std::memcpy(&share, &shares_->words()[index * kWordsOfShare], sizeof share);
      object.Set("since", share.since);
      object.Set("port", std::string(share.port, strnlen(share.port, sizeof share.port)));
      vips.push_back(object);
    });
  });
  const Adoption& adoption = program.adoption();
  auto result = Napi::Object::New(env);
  result.Set("found", adoption.found);
  result.Set("abiVersion", adoption.abi_version);
  result.Set("carried", ToArray(env, adoption.carried));
  result.Set("lostFlows", static_cast<double>(adoption.lost_flows));
  result.Set("ports", ToArray(env, ports));
  result.Set("tables", ToArray(env, tables));
  result.Set("vips", ToArray(env, vips));
  return result;
}

// {index: of the first position, count} → of the positions from there on that have an amphora
// or a weight: [{position, weight, amphora: {id, ip, mac, since, generation} | null}]
Napi::Value Datapath::Occupants(const Napi::CallbackInfo& info) {
  size_t first = PositionIndex(info);
  auto count = Uint32At(info[0].As<Napi::Object>(), "count", capacity_.positions - first);
  Napi::Env env = info.Env();
  auto result = Napi::Array::New(env);
  for (uint32_t position = 0; position < count; position++) {
    size_t index = first + position;
    dist_occupant occupant;
    std::memcpy(&occupant, &occupants_->words()[index * kWordsOfOccupant], sizeof occupant);
    uint64_t word = std::atomic_ref(positions_->words()[index]).load();
    uint64_t mac = word & DIST_POSITION_MAC_MASK;
    bool is_there = mac != 0 && word >> DIST_POSITION_GENERATION_SHIFT == occupant.generation;
    if (!is_there && occupant.weight == 0) continue;
    auto object = Napi::Object::New(env);
    object.Set("position", position);
    object.Set("weight", occupant.weight);
    object.Set("amphora", env.Null());
    if (is_there) {
      auto amphora = Napi::Object::New(env);
      amphora.Set("id", std::string(occupant.amphora, strnlen(occupant.amphora, 255)));
      amphora.Set("ip", FormatAddress(occupant.ip));
      amphora.Set("mac", FormatMac(reinterpret_cast<const uint8_t*>(&mac)));
      amphora.Set("since", occupant.since);
      amphora.Set("generation", occupant.generation);
      object.Set("amphora", amphora);
    }
    result[result.Length()] = object;
  }
  return result;
}

// {distributorId, slotBase, positionBase, size, assigned, idle}
void Datapath::PutTable(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  dist_id id = IdAt(object, "distributorId");
  dist_table table{.slot_base = Uint32At(object, "slotBase"),
                   .position_base = Uint32At(object, "positionBase"),
                   .slots = Uint32At(object, "size"),
                   .assigned = BoolAt(object, "assigned"),
                   .idle = Uint32At(object, "idle"),
                   .reserved = 0};
  Guard(info.Env(), [&] {
    Check("bpf(put table)", bpf_map_update_elem(program.tables(), &id, &table, BPF_ANY));
  });
}

void Datapath::DeleteTable(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  dist_id id = IdAt(info[0].As<Napi::Object>(), "distributorId");
  int result = bpf_map_delete_elem(program.tables(), &id);
  if (result == -ENOENT) return;
  Guard(info.Env(), [&] { Check("bpf(delete table)", result); });
}

// {index: of the first position, weights: Uint32Array}
void Datapath::SetWeights(const Napi::CallbackInfo& info) {
  size_t first = PositionIndex(info);
  Napi::Value value = info[0].As<Napi::Object>().Get("weights");
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
    throw ArgumentError(info.Env(), "weights", "must be a Uint32Array");
  auto weights = value.As<Napi::Uint32Array>();
  if (weights.ElementLength() > capacity_.positions - first)
    throw ArgumentError(info.Env(), "weights", "has more elements than there are positions");
  for (size_t i = 0; i < weights.ElementLength(); i++) {
    uint64_t* words = &occupants_->words()[(first + i) * kWordsOfOccupant];
    auto weight = static_cast<uint16_t>(weights[i]);
    std::memcpy(reinterpret_cast<char*>(words) + offsetof(dist_occupant, weight), &weight,
                sizeof weight);
  }
}

// {index, mac: string | null, sameAmphora: boolean, amphora: {id, ip, since} | null}. Another
// amphora, or none, takes the next generation: flow entries that name the one before no longer
// count. Of none with a MAC the ledger says nothing.
void Datapath::SetPosition(const Napi::CallbackInfo& info) {
  size_t index = PositionIndex(info);  // throws where positions_ is no more
  std::atomic_ref<uint64_t> position(positions_->words()[index]);
  auto object = info[0].As<Napi::Object>();
  uint64_t generation = position.load() >> DIST_POSITION_GENERATION_SHIFT;
  if (!BoolAt(object, "sameAmphora")) generation = generation % DIST_GENERATION_MASK + 1;
  uint64_t bits = 0;
  if (!object.Get("mac").IsNull()) {
    Mac mac = MacAt(object, "mac");
    std::memcpy(&bits, mac.data(), mac.size());
  }
  auto* words = &occupants_->words()[index * kWordsOfOccupant];
  dist_occupant occupant;
  std::memcpy(&occupant, words, sizeof occupant);
  dist_occupant next{};
  next.weight = occupant.weight;
  next.generation = static_cast<uint16_t>(generation);
  if (!object.Get("amphora").IsNull()) {
    if (!object.Get("amphora").IsObject())
      throw ArgumentError(info.Env(), "amphora", "must be an object or null");
    auto amphora = object.Get("amphora").As<Napi::Object>();
    std::string id = StringAt(amphora, "id");
    if (id.size() >= sizeof next.amphora)
      throw ArgumentError(info.Env(), "amphora.id", "is longer than 255 bytes");
    id.copy(next.amphora, id.size());
    next.ip = AddressAt(amphora, "ip");
    next.since = Uint32At(amphora, "since");
  }
  std::memcpy(words, &next, sizeof next);
  position.store(generation << DIST_POSITION_GENERATION_SHIFT | bits);
}

// Never given out twice, by no daemon of these maps.
Napi::Value Datapath::NewVipId(const Napi::CallbackInfo& info) {
  Open(info.Env());
  constexpr size_t kOffset = offsetof(dist_header, last_vip_id) / sizeof(uint32_t);
  auto* words = reinterpret_cast<uint32_t*>(header_->words().data());
  return Napi::Number::New(info.Env(), std::atomic_ref(words[kOffset]).fetch_add(1) + 1);
}

// For tests. {carrying: boolean}
void Datapath::SetCarrying(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  bool carrying = BoolAt(info[0].As<Napi::Object>(), "carrying");
  Guard(info.Env(), [&] { program.SetCarrying(carrying); });
}

// Of VIPs that a daemon was removing when it was killed.
void Datapath::FreeShares() {
  std::vector<bool> used(capacity_.vips + 1);
  ForEachElement<dist_vip_key, dist_vip>(program_->vips(), [&](auto&, auto& vip) {
    used[std::min(vip.counters, capacity_.vips)] = true;
  });
  for (uint32_t index = 1; index <= capacity_.vips; index++)
    if (!used[index]) ShareOf(index).store(0);
}

}  // namespace distributor

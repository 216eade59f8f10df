// SPDX-License-Identifier: Apache-2.0
// The part of Datapath that has to do with flows: their records, and room for them.
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <atomic>
#include <cerrno>

#include "arguments.h"
#include "datapath.h"
#include "errors.h"
#include "hash.h"
#include "openings.h"

namespace distributor {

namespace {

uint16_t PortAt(const Napi::Object& object, const char* field) {
  return htons(static_cast<uint16_t>(Uint32At(object, field, 0xffff)));
}

dist_flow_key FlowKeyFrom(const Napi::Object& object) {
  dist_flow_key key{};
  key.source = AddressAt(object, "source");
  key.vip_id = Uint32At(object, "vipId");
  key.source_port = PortAt(object, "sourcePort");
  key.destination_port = PortAt(object, "destinationPort");
  key.protocol = static_cast<uint8_t>(Uint32At(object, "protocol", 0xff));
  return key;
}

dist_pin PinFrom(const Napi::Object& object) {
  dist_pin pin = Uint32At(object, "lastSeen");
  pin |= dist_pin{Uint32At(object, "owner", 0xffff)} << DIST_PIN_OWNER_SHIFT;
  pin |= dist_pin{Uint32At(object, "generation", DIST_GENERATION_MASK)}
         << DIST_PIN_GENERATION_SHIFT;
  return BoolAt(object, "closing") ? pin | DIST_PIN_CLOSING : pin;
}

Napi::Object FlowToJs(Napi::Env env, const dist_flow& flow, bool confirmed) {
  auto object = Napi::Object::New(env);
  dist_pin pin = flow.pin;
  object.Set("lastSeen", static_cast<uint32_t>(pin));
  object.Set("owner", static_cast<uint16_t>(pin >> DIST_PIN_OWNER_SHIFT));
  object.Set("generation",
             static_cast<uint32_t>(pin >> DIST_PIN_GENERATION_SHIFT & DIST_GENERATION_MASK));
  object.Set("closing", (pin & DIST_PIN_CLOSING) != 0);
  object.Set("acknowledged", flow.acknowledged & DIST_FLOW_ACKNOWLEDGED);
  object.Set("over", (flow.acknowledged & DIST_FLOW_OVER) != 0);
  object.Set("confirmed", confirmed);
  return object;
}

uint32_t AcknowledgedFrom(const Napi::Object& object) {
  uint32_t acknowledged = Uint32At(object, "acknowledged", DIST_FLOW_ACKNOWLEDGED);
  return BoolAt(object, "over") ? acknowledged | DIST_FLOW_OVER : acknowledged;
}

dist_fragment_key FragmentKeyFrom(const Napi::Object& object) {
  dist_fragment_key key{};
  key.source = AddressAt(object, "source");
  key.vip_id = Uint32At(object, "vipId");
  key.identification = Uint32At(object, "identification");
  key.protocol = static_cast<uint8_t>(Uint32At(object, "keyProtocol", 0xff));
  return key;
}

OpeningPlace PlaceOf(const Program& program, uint64_t hash) {
  return FindOpening(program.opening_mask(), hash, [&](uint32_t index) {
    dist_opening opening;
    Check("bpf(read opening)", bpf_map_lookup_elem(program.openings(), &index, &opening));
    return opening;
  });
}

}  // namespace

Napi::Value Datapath::GetFlow(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  dist_flow_key key = FlowKeyFrom(info[0].As<Napi::Object>());
  dist_flow flow;
  int result = bpf_map_lookup_elem(program.flows(), &key, &flow);
  if (result == 0) return FlowToJs(info.Env(), flow, true);
  if (result != -ENOENT) Guard(info.Env(), [&] { Check("bpf(get flow)", result); });
  return GetOpening(info);
}

Napi::Value Datapath::GetOpening(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  dist_flow_key key = FlowKeyFrom(info[0].As<Napi::Object>());
  uint64_t hash = dist_flow_hash(program.flow_secret(), &key);
  OpeningPlace place;
  Guard(info.Env(), [&] { place = PlaceOf(program, hash); });
  if (!place.is_own) return info.Env().Null();
  return FlowToJs(info.Env(), {.pin = place.opening.pin, .share = 0, .acknowledged = 0}, false);
}

// Puts a flow where `confirmed` says: an entry counts in the share of `counters`, an opening
// keeps its mark, and no more of the flow than its pin.
void Datapath::PutFlow(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  dist_flow_key key = FlowKeyFrom(object);
  dist_flow flow = {.pin = PinFrom(object),
                    .share = Uint32At(object, "counters", capacity_.vips),
                    .acknowledged = AcknowledgedFrom(object)};
  bool confirmed = BoolAt(object, "confirmed");
  Guard(info.Env(), [&] {
    if (!confirmed) {
      uint64_t hash = dist_flow_hash(program.flow_secret(), &key);
      auto [index, before, is_own] = PlaceOf(program, hash);
      uint64_t word = is_own ? before.tag ^ before.pin : hash & ~DIST_MARK_MASK;
      dist_opening opening = {.tag = word ^ flow.pin, .pin = flow.pin};
      Check("bpf(put opening)", bpf_map_update_elem(program.openings(), &index, &opening, BPF_ANY));
      return;
    }
    dist_flow before;
    bool is_new = bpf_map_lookup_elem(program.flows(), &key, &before) == -ENOENT;
    Check("bpf(put flow)", bpf_map_update_elem(program.flows(), &key, &flow, BPF_ANY));
    if (!is_new) return;
    constexpr uint64_t kOne = uint64_t{1} << 32;  // `used` is the high half
    ShareOf(DIST_COUNTERS_NO_VIP).fetch_add(kOne);
    if (flow.share != DIST_COUNTERS_NO_VIP) ShareOf(flow.share).fetch_add(kOne);
  });
}

// {vipId, source, identification, keyProtocol: of IPv4, 0 for IPv6}
Napi::Value Datapath::GetFragment(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  dist_fragment_key key = FragmentKeyFrom(info[0].As<Napi::Object>());
  dist_fragment fragment;
  int result = bpf_map_lookup_elem(program.fragments(), &key, &fragment);
  if (result == -ENOENT) return info.Env().Null();
  Guard(info.Env(), [&] { Check("bpf(get fragment)", result); });
  auto object = Napi::Object::New(info.Env());
  object.Set("seen", fragment.seen);
  object.Set("sourcePort", ntohs(fragment.source_port));
  object.Set("destinationPort", ntohs(fragment.destination_port));
  object.Set("protocol", fragment.protocol);
  return object;
}

void Datapath::PutFragment(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  dist_fragment_key key = FragmentKeyFrom(object);
  dist_fragment fragment = {.seen = Uint32At(object, "seen"),
                            .source_port = PortAt(object, "sourcePort"),
                            .destination_port = PortAt(object, "destinationPort"),
                            .protocol = static_cast<uint8_t>(Uint32At(object, "protocol", 0xff)),
                            .reserved = {}};
  Guard(info.Env(), [&] {
    Check("bpf(put fragment)", bpf_map_update_elem(program.fragments(), &key, &fragment, BPF_ANY));
  });
}

// index of a VIP's counters, 0 = all → {used, full: no further flow gets an entry}
Napi::Value Datapath::FlowUse(const Napi::CallbackInfo& info) {
  Open(info.Env());
  uint32_t index = VipIndex(info);
  auto used = [&](uint32_t i) { return ShareOf(i).load() >> 32; };
  uint64_t all = used(DIST_COUNTERS_NO_VIP);
  uint64_t own = index == DIST_COUNTERS_NO_VIP ? 0 : used(index);
  auto result = Napi::Object::New(info.Env());
  result.Set("used", static_cast<double>(index == DIST_COUNTERS_NO_VIP ? all : own));
  result.Set("full", all + own >= capacity_.flows);
  return result;
}

}  // namespace distributor

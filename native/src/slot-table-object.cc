// SPDX-License-Identifier: Apache-2.0
#include "slot-table-object.h"

#include <bit>
#include <cmath>

#include "addon-data.h"
#include "arguments.h"
#include "errors.h"

namespace distributor {

namespace {

std::span<const uint16_t> OwnersFrom(const Napi::Object& object, const char* field) {
  Napi::Value value = object.Get(field);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint16_array)
    throw ArgumentError(object.Env(), field, "must be a Uint16Array");
  auto array = value.As<Napi::Uint16Array>();
  return {array.Data(), array.ElementLength()};
}

}  // namespace

namespace {

// Tells a real SlotTable from an object that was only given its prototype.
constexpr napi_type_tag kTypeTag = {0x6469737472696275, 0x736c6f747461626c};

}  // namespace

Napi::Function SlotTableObject::Define(Napi::Env env) {
  return DefineClass(
      env, "SlotTable",
      {InstanceAccessor<&SlotTableObject::Size>("size"),
       InstanceMethod<&SlotTableObject::Apply>("apply"),
       InstanceMethod<&SlotTableObject::Settle>("settle"),
       InstanceMethod<&SlotTableObject::SplitFrom>("splitFrom"),
       InstanceMethod<&SlotTableObject::Clear>("clear"),
       InstanceMethod<&SlotTableObject::Census>("census"),
       InstanceMethod<&SlotTableObject::At>("at"), InstanceMethod<&SlotTableObject::Put>("put")});
}

Napi::Object SlotTableObject::Make(Napi::Env env, SlotTable table) {
  auto external = Napi::External<SlotTable>::New(env, &table);
  return env.GetInstanceData<AddonData>()->slot_table.New({external});
}

SlotTableObject::SlotTableObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  info.This().As<Napi::Object>().TypeTag(&kTypeTag);
  if (info[0].IsExternal()) {
    table_ = std::make_unique<SlotTable>(*info[0].As<Napi::External<SlotTable>>().Data());
    return;
  }
  double number = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  auto size = number > 0 && number <= UINT32_MAX ? static_cast<uint32_t>(number) : 0;
  if (size != number || !std::has_single_bit(size))
    throw ArgumentError(info.Env(), "size", "must be a power of two");
  struct Plain {
    explicit Plain(size_t size) : words(size), settled(size) {}
    std::vector<uint64_t> words;
    std::vector<uint8_t> settled;
  };
  auto plain = std::make_shared<Plain>(size);
  table_ = std::make_unique<SlotTable>(SlotTable::Memory{plain->words, plain->settled, plain});
}

Napi::Value SlotTableObject::Size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(table_->size()));
}

Napi::Value SlotTableObject::Apply(const Napi::CallbackInfo& info) {
  auto change = info[0].As<Napi::Object>();
  uint32_t now = Uint32At(change, "now");
  std::span<const uint16_t> retired = OwnersFrom(change, "retired");
  // Copied: reading the next property may run code that takes the memory away.
  std::vector<uint16_t> gone(retired.begin(), retired.end());
  std::span<const uint16_t> owners = OwnersFrom(change, "owners");
  if (owners.size() != table_->size())
    throw ArgumentError(info.Env(), "owners", "must have an element for every slot");
  SlotTable::Applied applied = table_->Apply(owners, gone, now);
  auto result = Napi::Object::New(info.Env());
  result.Set("changed", applied.changed);
  result.Set("unsettled", applied.unsettled);
  return result;
}

Napi::Value SlotTableObject::Settle(const Napi::CallbackInfo& info) {
  auto clock = info[0].As<Napi::Object>();
  uint32_t now = Uint32At(clock, "now");
  SlotTable::Settled settled = table_->Settle(now, Uint32At(clock, "idle"));
  auto result = Napi::Object::New(info.Env());
  result.Set("unsettled", settled.unsettled);
  result.Set("earliest", settled.earliest);
  return result;
}

// {smaller: SlotTable, now}
void SlotTableObject::SplitFrom(const Napi::CallbackInfo& info) {
  auto split = info[0].As<Napi::Object>();
  Napi::Value value = split.Get("smaller");
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTypeTag))
    throw ArgumentError(info.Env(), "smaller", "must be a SlotTable");
  SlotTable& smaller = *Unwrap(value.As<Napi::Object>())->table_;
  if (table_->size() % smaller.size() != 0)
    throw ArgumentError(info.Env(), "smaller", "must not be larger");
  table_->SplitFrom(smaller, Uint32At(split, "now"));
}

void SlotTableObject::Clear(const Napi::CallbackInfo&) { table_->Clear(); }

// {current, previous: Uint32Array (slots by owner), unsettled}
Napi::Value SlotTableObject::Census(const Napi::CallbackInfo& info) {
  std::vector<uint32_t> current, previous;
  uint32_t unsettled = 0;
  auto count = [](std::vector<uint32_t>& counts, uint16_t owner) {
    if (owner >= counts.size()) counts.resize(owner + 1);
    counts[owner]++;
  };
  for (size_t i = 0; i < table_->size(); i++) {
    dist_slot slot = table_->At(i);
    count(current, slot.current);
    if (slot.previous == DIST_SETTLED) continue;
    unsettled++;
    if (slot.previous != DIST_OWNER_GONE) count(previous, slot.previous);
  }
  auto to_js = [&](const std::vector<uint32_t>& counts) {
    auto array = Napi::Uint32Array::New(info.Env(), counts.size());
    std::copy(counts.begin(), counts.end(), array.Data());
    return array;
  };
  auto result = Napi::Object::New(info.Env());
  result.Set("current", to_js(current));
  result.Set("previous", to_js(previous));
  result.Set("unsettled", unsettled);
  return result;
}

size_t SlotTableObject::IndexFrom(const Napi::CallbackInfo& info) const {
  double index = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(index >= 0 && index < static_cast<double>(table_->size())) || index != std::floor(index))
    throw ArgumentError(info.Env(), "index", "is outside of the table");
  return static_cast<size_t>(index);
}

Napi::Value SlotTableObject::At(const Napi::CallbackInfo& info) {
  dist_slot slot = table_->At(IndexFrom(info));
  auto result = Napi::Object::New(info.Env());
  result.Set("current", slot.current);
  result.Set("previous", slot.previous);
  result.Set("clock", slot.clock);
  return result;
}

void SlotTableObject::Put(const Napi::CallbackInfo& info) {
  auto slot = info[1].As<Napi::Object>();
  table_->Put(IndexFrom(info),
              {.current = static_cast<uint16_t>(Uint32At(slot, "current", 0xffff)),
               .previous = static_cast<uint16_t>(Uint32At(slot, "previous", 0xffff)),
               .clock = Uint32At(slot, "clock")});
}

}  // namespace distributor

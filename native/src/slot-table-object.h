// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <memory>

#include "slot-table.h"

namespace distributor {

// JavaScript's SlotTable: `new SlotTable(size)` is over plain memory of its own, one from
// Datapath.table() over the memory of the kernel's map, which it keeps alive.
class SlotTableObject : public Napi::ObjectWrap<SlotTableObject> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Make(Napi::Env env, SlotTable table);
  explicit SlotTableObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value Size(const Napi::CallbackInfo& info);
  Napi::Value Apply(const Napi::CallbackInfo& info);
  Napi::Value Settle(const Napi::CallbackInfo& info);
  void SplitFrom(const Napi::CallbackInfo& info);
  void Clear(const Napi::CallbackInfo& info);
  Napi::Value Census(const Napi::CallbackInfo& info);
  Napi::Value At(const Napi::CallbackInfo& info);
  void Put(const Napi::CallbackInfo& info);

  size_t IndexFrom(const Napi::CallbackInfo& info) const;

  std::unique_ptr<SlotTable> table_;
};

}  // namespace distributor

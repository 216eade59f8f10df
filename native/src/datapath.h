// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "abi.h"
#include "mapped-array.h"
#include "mapped-slots.h"
#include "program.h"

namespace distributor {

constexpr size_t kWordsOfClaim = sizeof(dist_claim) / sizeof(uint64_t);
constexpr size_t kWordsOfShare = sizeof(dist_share) / sizeof(uint64_t);
constexpr size_t kWordsOfTally = sizeof(dist_tally) / sizeof(uint64_t);
constexpr size_t kWordsOfOccupant = sizeof(dist_occupant) / sizeof(uint64_t);
constexpr size_t kWordsOfHeader = sizeof(dist_header) / sizeof(uint64_t);

// JavaScript's Datapath: the loaded program, its ports and its maps. src/datapath/native.ts
// declares every method. After close() each throws CLOSED; close() again does nothing.
class Datapath : public Napi::ObjectWrap<Datapath> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Datapath(const Napi::CallbackInfo& info);

 private:
  Napi::Value Attach(const Napi::CallbackInfo& info);
  void Detach(const Napi::CallbackInfo& info);
  Napi::Value KeepPinned(const Napi::CallbackInfo& info);
  Napi::Value IsAttached(const Napi::CallbackInfo& info);
  Napi::Value Adopted(const Napi::CallbackInfo& info);
  Napi::Value Occupants(const Napi::CallbackInfo& info);
  void PutTable(const Napi::CallbackInfo& info);
  void DeleteTable(const Napi::CallbackInfo& info);
  void SetWeights(const Napi::CallbackInfo& info);
  Napi::Value NewVipId(const Napi::CallbackInfo& info);
  void SetCarrying(const Napi::CallbackInfo& info);
  void MoveVip(const Napi::CallbackInfo& info);
  Napi::Value PutVip(const Napi::CallbackInfo& info);
  void DeleteVip(const Napi::CallbackInfo& info);
  Napi::Value Table(const Napi::CallbackInfo& info);
  void SetPosition(const Napi::CallbackInfo& info);
  void SetLearning(const Napi::CallbackInfo& info);
  void MovePositions(const Napi::CallbackInfo& info);
  Napi::Value VipCounters(const Napi::CallbackInfo& info);
  Napi::Value PositionCounters(const Napi::CallbackInfo& info);
  void ResetVip(const Napi::CallbackInfo& info);
  void ResetPositionCounters(const Napi::CallbackInfo& info);
  Napi::Value GetFlow(const Napi::CallbackInfo& info);
  Napi::Value GetOpening(const Napi::CallbackInfo& info);
  void PutFlow(const Napi::CallbackInfo& info);
  Napi::Value GetFragment(const Napi::CallbackInfo& info);
  void PutFragment(const Napi::CallbackInfo& info);
  Napi::Value FlowUse(const Napi::CallbackInfo& info);
  Napi::Value SweepFlows(const Napi::CallbackInfo& info);
  Napi::Value Claims(const Napi::CallbackInfo& info);
  Napi::Value Defend(const Napi::CallbackInfo& info);
  Napi::Value TestRun(const Napi::CallbackInfo& info);
  Napi::Value Inventory(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  bool Write(const Napi::Object& vip);  // whether an element was replaced
  void Erase(const dist_vip_key& key, uint32_t vip_id);
  void GiveShare(const dist_vip& vip, uint32_t since, const std::string& port);
  void FreeShares();
  std::atomic_ref<uint64_t> ShareOf(uint32_t index) const;  // its vip_id and, above, used
  Program& Open(Napi::Env env) const;                       // throws CLOSED
  uint32_t VipIndex(const Napi::CallbackInfo& info) const;  // of a VIP's counters; 0 = none
  size_t PositionIndex(const Napi::CallbackInfo& info) const;

  Capacity capacity_{};
  int cpus_ = 0;
  std::unique_ptr<Program> program_;
  std::unique_ptr<MappedSlots> slots_;
  std::shared_ptr<MappedArray> positions_;
  std::shared_ptr<MappedArray> learning_;
  std::shared_ptr<MappedArray> shares_;
  std::shared_ptr<MappedArray> claims_;
  std::shared_ptr<MappedArray> tallies_;
  std::shared_ptr<MappedArray> occupants_;
  std::shared_ptr<MappedArray> header_;
  std::weak_ptr<const void> sweep_;  // held by the one that is under way
};

}  // namespace distributor

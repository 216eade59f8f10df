// SPDX-License-Identifier: Apache-2.0
// The part of Datapath that tells of other stations that claim a VIP.
#include <atomic>
#include <ctime>

#include "arguments.h"
#include "datapath.h"
#include "errors.h"

namespace distributor {

namespace {

// ns of the clock that the program stamps claims with (bpf_ktime_get_ns).
uint64_t Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return uint64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

struct Claim {
  std::atomic_ref<uint64_t> claimed, defended, mac;
};

Claim ClaimAt(std::span<uint64_t> words, uint32_t index) {
  uint64_t* first = &words[index * kWordsOfClaim];
  return {.claimed = std::atomic_ref(first[offsetof(dist_claim, claimed) / 8]),
          .defended = std::atomic_ref(first[offsetof(dist_claim, defended) / 8]),
          .mac = std::atomic_ref(first[offsetof(dist_claim, mac) / 8])};
}

}  // namespace

// since: bigint ns → the last claim to each VIP that is younger: [{index, mac, at: bigint ns}]
Napi::Value Datapath::Claims(const Napi::CallbackInfo& info) {
  Open(info.Env());
  bool lossless = false;
  uint64_t since = info[0].IsBigInt() ? info[0].As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) throw ArgumentError(info.Env(), "since", "must be a BigInt of 64 bits");
  auto result = Napi::Array::New(info.Env());
  for (uint32_t index = 1; index <= capacity_.vips; index++) {
    Claim claim = ClaimAt(claims_->words(), index);
    uint64_t at = claim.claimed.load();
    if (at <= since) continue;
    uint64_t mac = claim.mac.load();
    auto object = Napi::Object::New(info.Env());
    object.Set("index", index);
    object.Set("mac", FormatMac(reinterpret_cast<const uint8_t*>(&mac)));
    object.Set("at", Napi::BigInt::New(info.Env(), at));
    result[result.Length()] = object;
  }
  return result;
}

// index of a VIP's counters → whether the VIP is to be announced now: its last claim was not
// answered, and the last defence is long enough ago. It then counts as answered.
Napi::Value Datapath::Defend(const Napi::CallbackInfo& info) {
  Open(info.Env());
  Claim claim = ClaimAt(claims_->words(), VipIndex(info));
  uint64_t defended = claim.defended.load(), now = Now();
  bool due = claim.claimed.load() > defended && now - defended >= DIST_DEFENCE_INTERVAL &&
             claim.defended.compare_exchange_strong(defended, now);
  return Napi::Boolean::New(info.Env(), due);
}

}  // namespace distributor

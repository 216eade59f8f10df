// SPDX-License-Identifier: Apache-2.0
#include "table-worker.h"

#include <bit>

#include "abi.h"
#include "arguments.h"
#include "errors.h"
#include "table-builder.h"

namespace distributor {

namespace {

class Worker : public Napi::AsyncWorker {
 public:
  Worker(Napi::Env env, uint64_t seed, std::vector<uint32_t> weights, uint32_t size)
      : AsyncWorker(env),
        deferred(Napi::Promise::Deferred::New(env)),
        seed_(seed),
        weights_(std::move(weights)),
        size_(size) {}

  void Execute() override { owners_ = BuildTable(seed_, weights_, size_); }

  void OnOK() override {
    auto result = Napi::Uint16Array::New(Env(), owners_.size());
    std::copy(owners_.begin(), owners_.end(), result.Data());
    deferred.Resolve(result);
  }

  void OnError(const Napi::Error& error) override { deferred.Reject(error.Value()); }

  Napi::Promise::Deferred deferred;

 private:
  uint64_t seed_;
  std::vector<uint32_t> weights_;
  uint32_t size_;
  std::vector<uint16_t> owners_;
};

}  // namespace

Napi::Value BuildTableAsync(const Napi::CallbackInfo& info) {
  auto table = info[0].As<Napi::Object>();
  uint32_t size = Uint32At(table, "size");
  if (!std::has_single_bit(size)) throw ArgumentError(info.Env(), "size", "must be a power of two");
  Napi::Value weights = table.Get("weights");
  if (!weights.IsTypedArray() ||
      weights.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
    throw ArgumentError(info.Env(), "weights", "must be a Uint32Array");
  auto array = weights.As<Napi::Uint32Array>();
  if (array.ElementLength() > DIST_POSITIONS_MAX)
    throw ArgumentError(info.Env(), "weights", "has more than 65534 positions");
  auto* worker = new Worker(info.Env(), Uint64At(table, "seed"),
                            {array.Data(), array.Data() + array.ElementLength()}, size);
  Napi::Promise promise = worker->deferred.Promise();
  worker->Queue();  // deletes itself
  return promise;
}

}  // namespace distributor

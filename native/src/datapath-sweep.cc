// SPDX-License-Identifier: Apache-2.0
// The part of Datapath that sweeps the flow table: removes what is over, counts the rest.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "arguments.h"
#include "datapath.h"
#include "errors.h"

namespace distributor {

namespace {

constexpr const char* kSystemCall = "bpf(sweep flows)";

// Runs sweep_flows on a thread of the pool: it walks the whole table. All that it works with
// is its own, for the Datapath may be closed meanwhile.
class SweepWorker : public Napi::AsyncWorker {
 public:
  struct Task {
    FileDescriptor program;
    std::shared_ptr<MappedArray> tallies;
    uint32_t closing;                 // s
    std::vector<uint32_t> positions;  // whose tallies are asked for
    std::shared_ptr<const void> turn;
  };

  SweepWorker(Napi::Env env, Task task)
      : AsyncWorker(env),
        deferred(Napi::Promise::Deferred::New(env)),
        task_(std::move(task)),
        sweep_{.closing = task_.closing, .kept = 0, .removed = 0} {}

  void Execute() override {
    std::span<uint64_t> words = task_.tallies->words();
    std::fill(words.begin(), words.end(), 0);
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &sweep_, .ctx_size_in = sizeof sweep_);
    int result = bpf_prog_test_run_opts(task_.program.get(), &options);
    if (result < 0) error_ = -result;
    auto* tallies = reinterpret_cast<const dist_tally*>(words.data());
    for (uint32_t position : task_.positions) tallies_.push_back(tallies[position]);
  }

  void OnOK() override {
    task_.turn.reset();  // what waits for the promise may sweep again
    if (error_ != 0) {
      deferred.Reject(SystemError(kSystemCall, error_).ToJs(Env()).Value());
      return;
    }
    auto tallies = Napi::Array::New(Env(), tallies_.size());
    for (uint32_t i = 0; i < tallies_.size(); i++) tallies[i] = ToJs(tallies_[i]);
    auto result = Napi::Object::New(Env());
    result.Set("kept", sweep_.kept);
    result.Set("removed", sweep_.removed);
    result.Set("tallies", tallies);
    deferred.Resolve(result);
  }

  void OnError(const Napi::Error& error) override {
    task_.turn.reset();
    deferred.Reject(error.Value());
  }

  Napi::Promise::Deferred deferred;

 private:
  Napi::Object ToJs(const dist_tally& tally) const {
    auto object = Napi::Object::New(Env());
    object.Set("tcp", tally.tcp);
    object.Set("udp", tally.udp);
    object.Set("sctp", tally.sctp);
    object.Set("other", tally.other);
    object.Set("closing", tally.closing);
    return object;
  }

  Task task_;
  dist_sweep sweep_;
  std::vector<dist_tally> tallies_;
  int error_ = 0;
};

// Copied: the caller may change the array while the worker runs.
std::vector<uint32_t> PositionsAt(const Napi::Object& object, const char* field, uint32_t end) {
  Napi::Value value = object.Get(field);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array)
    throw ArgumentError(object.Env(), field, "must be a Uint32Array");
  auto array = value.As<Napi::Uint32Array>();
  std::vector<uint32_t> positions(array.Data(), array.Data() + array.ElementLength());
  for (uint32_t position : positions)
    if (position >= end)
      throw ArgumentError(object.Env(), field,
                          "has " + std::to_string(position) + ", which is out of range");
  return positions;
}

}  // namespace

// {closing: s, positions: Uint32Array} → Promise<{kept, removed, tallies: in their order}>
Napi::Value Datapath::SweepFlows(const Napi::CallbackInfo& info) {
  Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  uint32_t closing = Uint32At(object, "closing");
  std::vector<uint32_t> positions = PositionsAt(object, "positions", capacity_.positions);
  // Again: reading the properties may have run code that closed it, or swept.
  Program& program = Open(info.Env());
  if (!sweep_.expired()) throw SystemError(kSystemCall, EBUSY).ToJs(info.Env());
  FileDescriptor own(Guard(info.Env(), [&] {
    return Check("fcntl(dup)", fcntl(program.sweep_flows(), F_DUPFD_CLOEXEC, 0));
  }));
  auto turn = std::make_shared<char>();
  sweep_ = turn;
  auto* worker = new SweepWorker(info.Env(), {.program = std::move(own),
                                              .tallies = tallies_,
                                              .closing = closing,
                                              .positions = std::move(positions),
                                              .turn = std::move(turn)});
  Napi::Promise promise = worker->deferred.Promise();
  worker->Queue();  // deletes itself
  return promise;
}

}  // namespace distributor

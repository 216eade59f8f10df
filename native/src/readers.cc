// SPDX-License-Identifier: Apache-2.0
#include "readers.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>

#include "errors.h"

namespace distributor {

namespace {

class Worker : public Napi::AsyncWorker {
 public:
  explicit Worker(Napi::Env env) : AsyncWorker(env), deferred(Napi::Promise::Deferred::New(env)) {}

  void Execute() override {
    try {
      WaitForReaders();
    } catch (const SystemError& error) {
      failure_ = error;
    }
  }

  void OnOK() override {
    if (failure_)
      deferred.Reject(failure_->ToJs(Env()).Value());
    else
      deferred.Resolve(Env().Undefined());
  }

  Napi::Promise::Deferred deferred;

 private:
  std::optional<SystemError> failure_;
};

}  // namespace

void WaitForReaders() {
  Check("membarrier", static_cast<int>(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0)));
}

Napi::Value WaitForReadersAsync(const Napi::CallbackInfo& info) {
  auto* worker = new Worker(info.Env());
  Napi::Promise promise = worker->deferred.Promise();
  worker->Queue();  // deletes itself
  return promise;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "file-descriptor.h"
#include "neighbour.h"

namespace distributor {

// JavaScript's NeighbourWatch: keeps addresses resolved and reports every change of their
// MAC through `new NeighbourWatch(onChange)`. Starts by removing what a killed process left: one
// process of a network namespace watches at a time. A thread listens to the kernel; it ends, and
// every managed entry is removed, with close().
class NeighbourWatch : public Napi::ObjectWrap<NeighbourWatch> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit NeighbourWatch(const Napi::CallbackInfo& info);
  ~NeighbourWatch() override;

 private:
  Napi::Value Add(const Napi::CallbackInfo& info);
  void Remove(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void Listen();
  void Report(const nlmsghdr& message);
  void ReportAll();
  void StopThread();

  NetlinkSocket requests_;       // used by the JavaScript thread only
  NetlinkSocket notifications_;  // used by the listening thread only
  FileDescriptor stop_;          // an eventfd, readable once the thread is to end
  std::mutex mutex_;
  std::set<Neighbour> watched_;  // guarded by mutex_
  Napi::ThreadSafeFunction on_change_;
  std::thread thread_;
  Napi::Env::CleanupHook<std::function<void()>> cleanup_;
  bool environment_ended_ = false;
  bool closed_ = false;
};

}  // namespace distributor

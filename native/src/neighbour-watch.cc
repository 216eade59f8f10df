// SPDX-License-Identifier: Apache-2.0
#include "neighbour-watch.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "errors.h"

namespace distributor {

namespace {

Neighbour NeighbourFrom(const Napi::Object& object) {
  return {.ifindex = Uint32At(object, "ifindex"), .address = AddressAt(object, "ip")};
}

Napi::Value MacToJs(Napi::Env env, const std::optional<Mac>& mac) {
  if (!mac) return env.Null();
  return Napi::String::New(env, FormatMac(mac->data()));
}

void CallBack(Napi::Env env, Napi::Function on_change, NeighbourEntry* entry) {
  std::unique_ptr<NeighbourEntry> owned(entry);
  if (!env) return;  // the environment is being torn down
  auto change = Napi::Object::New(env);
  change.Set("ifindex", entry->neighbour.ifindex);
  change.Set("ip", FormatAddress(entry->neighbour.address));
  change.Set("mac", MacToJs(env, entry->mac));
  change.Set("deleted", entry->deleted);
  on_change.Call({change});
}

}  // namespace

Napi::Function NeighbourWatch::Define(Napi::Env env) {
  return DefineClass(env, "NeighbourWatch",
                     {InstanceMethod<&NeighbourWatch::Add>("add"),
                      InstanceMethod<&NeighbourWatch::Remove>("remove"),
                      InstanceMethod<&NeighbourWatch::Close>("close")});
}

NeighbourWatch::NeighbourWatch(const Napi::CallbackInfo& info) try
    : ObjectWrap(info),
      notifications_(RTMGRP_NEIGH),
      stop_(Check("eventfd", eventfd(0, EFD_CLOEXEC))) {
  ForgetLeftovers(requests_);
  on_change_ = Napi::ThreadSafeFunction::New(info.Env(), info[0].As<Napi::Function>(),
                                             "NeighbourWatch", 0, 1);
  on_change_.Unref(info.Env());  // watching alone does not keep the process alive
  thread_ = std::thread([this] { Listen(); });
  // The environment takes the callback away before it destroys *this.
  cleanup_ = info.Env().AddCleanupHook(std::function<void()>([this] {
    StopThread();
    environment_ended_ = true;
  }));
} catch (const SystemError& error) {
  throw error.ToJs(info.Env());
}

NeighbourWatch::~NeighbourWatch() {
  if (closed_) return;
  StopThread();
  if (!environment_ended_) cleanup_.Remove(Env());
}

// {ifindex, ip} → the MAC if it is known already, else null; changes come by the callback.
Napi::Value NeighbourWatch::Add(const Napi::CallbackInfo& info) {
  if (closed_) throw ClosedError(info.Env(), "NeighbourWatch");
  Neighbour neighbour = NeighbourFrom(info[0].As<Napi::Object>());
  {
    std::lock_guard lock(mutex_);
    watched_.insert(neighbour);
  }
  return Guard(info.Env(), [&] {
    try {
      ManageNeighbour(requests_, neighbour);
    } catch (...) {
      std::lock_guard lock(mutex_);
      watched_.erase(neighbour);
      throw;
    }
    auto entry = LookUpNeighbour(requests_, neighbour);
    return MacToJs(info.Env(), entry ? entry->mac : std::nullopt);
  });
}

void NeighbourWatch::Remove(const Napi::CallbackInfo& info) {
  if (closed_) throw ClosedError(info.Env(), "NeighbourWatch");
  Neighbour neighbour = NeighbourFrom(info[0].As<Napi::Object>());
  {
    std::lock_guard lock(mutex_);
    if (watched_.erase(neighbour) == 0) return;
  }
  Guard(info.Env(), [&] { ForgetNeighbour(requests_, neighbour); });
}

void NeighbourWatch::Close(const Napi::CallbackInfo& info) {
  if (closed_) return;
  closed_ = true;
  StopThread();
  cleanup_.Remove(info.Env());
  on_change_.Release();
  Guard(info.Env(), [&] {
    for (const Neighbour& neighbour : watched_) ForgetNeighbour(requests_, neighbour);
  });
  watched_.clear();
}

void NeighbourWatch::StopThread() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void NeighbourWatch::Listen() {
  std::array<pollfd, 2> waiting = {{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                    {.fd = notifications_.fd(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[0].revents) return;
    if (!waiting[1].revents) continue;
    bool complete = notifications_.Receive([this](const nlmsghdr& message) { Report(message); });
    if (!complete) ReportAll();
  }
}

void NeighbourWatch::Report(const nlmsghdr& message) {
  auto entry = ParseNeighbour(message);
  if (!entry) return;
  {
    std::lock_guard lock(mutex_);
    if (!watched_.contains(entry->neighbour)) return;
  }
  auto* owned = new NeighbourEntry(*entry);
  if (on_change_.NonBlockingCall(owned, CallBack) != napi_ok) delete owned;
}

// Notifications were lost: ask for what each watched neighbour is now.
void NeighbourWatch::ReportAll() {
  std::set<Neighbour> watched;
  {
    std::lock_guard lock(mutex_);
    watched = watched_;
  }
  try {
    NetlinkSocket requests;
    for (const Neighbour& neighbour : watched) {
      auto entry = LookUpNeighbour(requests, neighbour);
      auto* owned = new NeighbourEntry(entry.value_or(NeighbourEntry{
          .neighbour = neighbour, .mac = {}, .permanent = false, .deleted = true, .ours = false}));
      if (on_change_.NonBlockingCall(owned, CallBack) != napi_ok) delete owned;
    }
  } catch (const SystemError&) {
    // Out of descriptors or memory: the next notification tries again.
  }
}

}  // namespace distributor

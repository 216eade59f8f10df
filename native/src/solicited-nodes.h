// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <tuple>

#include "abi.h"
#include "file-descriptor.h"

namespace distributor {

// JavaScript's SolicitedNodes: memberships in the solicited-node groups (RFC 4291, 2.7.1) of
// addresses, so that a NIC's filter and snooping switches let solicitations for them through.
// Addresses with the same last three octets share a group. All end with close().
class SolicitedNodes : public Napi::ObjectWrap<SolicitedNodes> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit SolicitedNodes(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

  using Group = std::tuple<uint32_t, uint8_t, uint8_t, uint8_t>;  // ifindex, last octets

 private:
  struct Membership {
    std::shared_ptr<FileDescriptor> socket;  // a listener with MLD reports; null: a mere filter
    bool reports;                            // false where the port has IPv6 disabled
    int users;
  };

  Napi::Value Join(const Napi::CallbackInfo& info);
  void Leave(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Membership Enter(const Group& group);
  bool Listen(int socket, const Group& group);
  int FilterSocket();

  std::shared_ptr<FileDescriptor> listener_;  // the one with room for further groups
  FileDescriptor filter_;
  std::map<Group, Membership> memberships_;
  bool closed_ = false;
};

}  // namespace distributor

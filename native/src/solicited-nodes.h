// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <map>
#include <memory>

#include "file-descriptor.h"
#include "group-address.h"

namespace distributor {

// JavaScript's SolicitedNodes: memberships in the solicited-node groups (RFC 4291, 2.7.1) of
// addresses, so that a NIC's filter and snooping switches let solicitations for them through.
// Addresses with the same last three octets share a group. Each is held by a socket, which
// ends with the process, and where they are to outlive it by an address, too.
class SolicitedNodes : public Napi::ObjectWrap<SolicitedNodes> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit SolicitedNodes(const Napi::CallbackInfo& info);

 private:
  struct Membership {
    std::shared_ptr<FileDescriptor> socket;  // a listener with MLD reports; null: a mere filter
    bool reports;                            // false where the port has IPv6 disabled
    bool persists;
    int users;
  };

  Napi::Value Join(const Napi::CallbackInfo& info);
  void Leave(const Napi::CallbackInfo& info);
  void DropUnused(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  Membership Enter(const SolicitedNode& group);
  bool Listen(int socket, const SolicitedNode& group);
  int FilterSocket();

  std::shared_ptr<FileDescriptor> listener_;  // the one with room for further groups
  FileDescriptor filter_;
  std::map<SolicitedNode, Membership> memberships_;
  std::unique_ptr<NetlinkSocket> addresses_;  // null: none persists
  bool closed_ = false;
};

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "solicited-nodes.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>
#include <string>

#include "arguments.h"
#include "errors.h"

namespace distributor {

namespace {

SolicitedNode GroupFrom(const Napi::CallbackInfo& info) {
  auto object = info[0].As<Napi::Object>();
  uint32_t ifindex = Uint32At(object, "ifindex");
  dist_address address = AddressAt(object, "address");
  if (IsIpv4(address)) throw ArgumentError(info.Env(), "address", "must be an IPv6 address");
  return {ifindex, address.byte[13], address.byte[14], address.byte[15]};
}

ipv6_mreq ListenerRequest(const SolicitedNode& group) {
  auto [ifindex, a, b, c] = group;
  ipv6_mreq request{};
  request.ipv6mr_interface = ifindex;
  request.ipv6mr_multiaddr = {{{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c}}};
  return request;
}

// A port keeps groups then, but does not report them.
bool IsIpv6Disabled(uint32_t ifindex) {
  char name[IF_NAMESIZE];
  if (!if_indextoname(ifindex, name)) return false;
  std::ifstream setting(std::string("/proc/sys/net/ipv6/conf/") + name + "/disable_ipv6");
  return setting.get() == '1';
}

packet_mreq FilterRequest(const SolicitedNode& group) {
  auto [ifindex, a, b, c] = group;
  return {.mr_ifindex = static_cast<int>(ifindex),
          .mr_type = PACKET_MR_MULTICAST,
          .mr_alen = 6,
          .mr_address = {0x33, 0x33, 0xff, a, b, c}};
}

}  // namespace

Napi::Function SolicitedNodes::Define(Napi::Env env) {
  return DefineClass(env, "SolicitedNodes",
                     {InstanceMethod<&SolicitedNodes::Join>("join"),
                      InstanceMethod<&SolicitedNodes::Leave>("leave"),
                      InstanceMethod<&SolicitedNodes::DropUnused>("dropUnused"),
                      InstanceMethod<&SolicitedNodes::Close>("close")});
}

// {persistent: boolean}
SolicitedNodes::SolicitedNodes(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (!BoolAt(info[0].As<Napi::Object>(), "persistent")) return;
  Guard(info.Env(), [&] { addresses_ = std::make_unique<NetlinkSocket>(); });
}

// {ifindex, address: IPv6} → {reports, persists}. Where the port has IPv6 disabled, only its
// own filter is opened, and nothing reported to switches.
Napi::Value SolicitedNodes::Join(const Napi::CallbackInfo& info) {
  if (closed_) throw ClosedError(info.Env(), "SolicitedNodes");
  SolicitedNode group = GroupFrom(info);
  auto known = memberships_.find(group);
  if (known == memberships_.end()) {
    Membership membership = Guard(info.Env(), [&] { return Enter(group); });
    known = memberships_.emplace(group, membership).first;
  }
  known->second.users++;
  auto result = Napi::Object::New(info.Env());
  result.Set("reports", known->second.reports);
  result.Set("persists", known->second.persists);
  return result;
}

// Once for every join(). Where the port is gone, so is the membership: no error.
void SolicitedNodes::Leave(const Napi::CallbackInfo& info) {
  if (closed_) throw ClosedError(info.Env(), "SolicitedNodes");
  SolicitedNode group = GroupFrom(info);
  auto known = memberships_.find(group);
  if (known == memberships_.end() || --known->second.users > 0) return;
  if (known->second.socket) {
    ipv6_mreq request = ListenerRequest(group);
    setsockopt(known->second.socket->get(), IPPROTO_IPV6, IPV6_LEAVE_GROUP, &request,
               sizeof request);
  } else {
    packet_mreq request = FilterRequest(group);
    setsockopt(FilterSocket(), SOL_PACKET, PACKET_DROP_MEMBERSHIP, &request, sizeof request);
  }
  if (addresses_) RemoveGroupAddress(*addresses_, group);
  memberships_.erase(known);
}

void SolicitedNodes::DropUnused(const Napi::CallbackInfo& info) {
  if (closed_) throw ClosedError(info.Env(), "SolicitedNodes");
  if (!addresses_) return;
  Guard(info.Env(), [&] {
    for (const SolicitedNode& group : GroupAddresses(*addresses_))
      if (!memberships_.contains(group)) RemoveGroupAddress(*addresses_, group);
  });
}

void SolicitedNodes::Close(const Napi::CallbackInfo&) {
  closed_ = true;
  memberships_.clear();
  listener_.reset();
  filter_ = FileDescriptor();
  addresses_.reset();
}

SolicitedNodes::Membership SolicitedNodes::Enter(const SolicitedNode& group) {
  bool reports = !IsIpv6Disabled(std::get<0>(group));
  bool persists = addresses_ && AddGroupAddress(*addresses_, group);
  if (listener_ && Listen(listener_->get(), group))
    return {.socket = listener_, .reports = reports, .persists = persists, .users = 0};
  // A socket has room for some hundred groups; or this port cannot have any.
  auto socket = std::make_shared<FileDescriptor>(
      Check("socket(inet6)", ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  if (Listen(socket->get(), group)) {
    listener_ = socket;
    return {.socket = listener_, .reports = reports, .persists = persists, .users = 0};
  }
  packet_mreq request = FilterRequest(group);
  int result =
      setsockopt(FilterSocket(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
  // A VIP may still be on a port that is gone: nothing is to be let in there.
  if (result < 0 && errno != ENODEV) throw SystemError("setsockopt(PACKET_ADD_MEMBERSHIP)", errno);
  return {.socket = nullptr, .reports = false, .persists = false, .users = 0};
}

bool SolicitedNodes::Listen(int socket, const SolicitedNode& group) {
  ipv6_mreq request = ListenerRequest(group);
  return setsockopt(socket, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0;
}

int SolicitedNodes::FilterSocket() {
  if (filter_.get() < 0)
    filter_ =
        FileDescriptor(Check("socket(packet)", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
  return filter_.get();
}

}  // namespace distributor

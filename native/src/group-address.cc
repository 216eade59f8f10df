// SPDX-License-Identifier: Apache-2.0
#include "group-address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "errors.h"
#include "neighbour.h"

namespace distributor {

namespace {

// Newer than Debian 12's headers; an older kernel ignores it and then nothing is ours.
constexpr uint16_t kAddressProtocol = 11;  // IFA_PROTO

constexpr std::array<uint8_t, 13> kPrefix = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

// One request about a group's address, or about all addresses, in memory of its own.
class Request {
 public:
  Request(uint16_t type, uint16_t flags, uint32_t ifindex) {
    header_ = mnl_nlmsg_put_header(buffer_.data());
    header_->nlmsg_type = type;
    header_->nlmsg_flags = flags;
    auto* body = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header_, sizeof(ifaddrmsg)));
    body->ifa_family = AF_INET6;
    body->ifa_prefixlen = 128;
    body->ifa_index = ifindex;
  }
  void PutAddress(const SolicitedNode& group) {
    std::array<uint8_t, 16> address;
    std::ranges::copy(kPrefix, address.begin());
    address[13] = std::get<1>(group);
    address[14] = std::get<2>(group);
    address[15] = std::get<3>(group);
    mnl_attr_put(header_, IFA_LOCAL, address.size(), address.data());
  }
  nlmsghdr& header() { return *header_; }

 private:
  alignas(nlmsghdr) std::array<char, 256> buffer_{};
  nlmsghdr* header_;
};

std::optional<SolicitedNode> ParseOurs(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWADDR) return std::nullopt;
  auto* body = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  std::optional<SolicitedNode> group;
  bool ours = false;
  ForEachAttribute(message, sizeof(ifaddrmsg), [&](const nlattr& attribute) {
    auto* payload = static_cast<const uint8_t*>(mnl_attr_get_payload(&attribute));
    uint16_t type = mnl_attr_get_type(&attribute);
    if (type == kAddressProtocol) ours = *payload == kProtocolOfOurs;
    if (type == IFA_ADDRESS && std::equal(kPrefix.begin(), kPrefix.end(), payload))
      group = {body->ifa_index, payload[13], payload[14], payload[15]};
  });
  return ours ? group : std::nullopt;
}

}  // namespace

bool AddGroupAddress(NetlinkSocket& socket, const SolicitedNode& group) {
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, std::get<0>(group));
  request.PutAddress(group);
  mnl_attr_put_u32(&request.header(), IFA_FLAGS,
                   IFA_F_MCAUTOJOIN | IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_PERMANENT);
  mnl_attr_put_u8(&request.header(), kAddressProtocol, kProtocolOfOurs);
  try {
    socket.Request("netlink(join group)", request.header());
  } catch (const SystemError& error) {
    // A port that was down has lost the address, but not the membership.
    return error.number() == EEXIST || error.number() == EADDRINUSE;
  }
  return true;
}

void RemoveGroupAddress(NetlinkSocket& socket, const SolicitedNode& group) {
  Request request(RTM_DELADDR, 0, std::get<0>(group));
  request.PutAddress(group);
  try {
    socket.Request("netlink(leave group)", request.header());
  } catch (const SystemError&) {
    // It went with the port, or with the port's IPv6.
  }
}

std::set<SolicitedNode> GroupAddresses(NetlinkSocket& socket) {
  std::set<SolicitedNode> groups;
  Request request(RTM_GETADDR, NLM_F_DUMP, 0);
  socket.Request("netlink(list addresses)", request.header(), [&](const nlmsghdr& message) {
    if (auto group = ParseOurs(message)) groups.insert(*group);
  });
  return groups;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "neighbour.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "errors.h"

namespace distributor {

namespace {

constexpr uint16_t kHasMac =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

// One request about one neighbour, or about all, in memory of its own.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    header_ = mnl_nlmsg_put_header(buffer_.data());
    header_->nlmsg_type = type;
    header_->nlmsg_flags = flags;
    body_ = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(header_, sizeof(ndmsg)));
  }
  Request(uint16_t type, uint16_t flags, const Neighbour& neighbour) : Request(type, flags) {
    bool ipv4 = IsIpv4(neighbour.address);
    body_->ndm_family = ipv4 ? AF_INET : AF_INET6;
    body_->ndm_ifindex = static_cast<int>(neighbour.ifindex);
    size_t offset = ipv4 ? 12 : 0;
    mnl_attr_put(header_, NDA_DST, sizeof neighbour.address.byte - offset,
                 neighbour.address.byte + offset);
  }
  nlmsghdr& header() { return *header_; }

 private:
  alignas(nlmsghdr) std::array<char, 256> buffer_{};
  nlmsghdr* header_;
  ndmsg* body_;
};

dist_address AddressOf(const nlattr* attribute, uint8_t family) {
  dist_address address{};
  size_t offset = 0;
  if (family == AF_INET) {
    address.byte[10] = address.byte[11] = 0xff;
    offset = 12;
  }
  size_t length = sizeof address.byte - offset;
  if (mnl_attr_get_payload_len(attribute) == length)
    std::memcpy(address.byte + offset, mnl_attr_get_payload(attribute), length);
  return address;
}

}  // namespace

std::optional<NeighbourEntry> ParseNeighbour(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWNEIGH && message.nlmsg_type != RTM_DELNEIGH) return std::nullopt;
  auto* body = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
  if (body->ndm_family != AF_INET && body->ndm_family != AF_INET6) return std::nullopt;
  NeighbourEntry entry{
      .neighbour = {.ifindex = static_cast<uint32_t>(body->ndm_ifindex), .address = {}},
      .mac = std::nullopt,
      .permanent = (body->ndm_state & NUD_PERMANENT) != 0,
      .deleted = message.nlmsg_type == RTM_DELNEIGH,
      .ours = false};
  bool has_mac = message.nlmsg_type == RTM_NEWNEIGH && (body->ndm_state & kHasMac);
  ForEachAttribute(message, sizeof(ndmsg), [&](const nlattr& attribute) {
    uint16_t type = mnl_attr_get_type(&attribute);
    if (type == NDA_DST) {
      entry.neighbour.address = AddressOf(&attribute, body->ndm_family);
    } else if (type == NDA_PROTOCOL) {
      entry.ours = mnl_attr_get_u8(&attribute) == kProtocolOfOurs;
    } else if (type == NDA_LLADDR && has_mac &&
               mnl_attr_get_payload_len(&attribute) == sizeof(Mac)) {
      entry.mac.emplace();
      std::memcpy(entry.mac->data(), mnl_attr_get_payload(&attribute), sizeof(Mac));
    }
  });
  return entry;
}

void ManageNeighbour(NetlinkSocket& socket, const Neighbour& neighbour) {
  auto known = LookUpNeighbour(socket, neighbour);
  if (known && known->permanent) return;
  Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour);
  mnl_attr_put_u32(&request.header(), NDA_FLAGS_EXT, NTF_EXT_MANAGED);
  mnl_attr_put_u8(&request.header(), NDA_PROTOCOL, kProtocolOfOurs);
  socket.Request("netlink(manage neighbour)", request.header());
}

void ForgetNeighbour(NetlinkSocket& socket, const Neighbour& neighbour) {
  auto known = LookUpNeighbour(socket, neighbour);
  if (!known || known->permanent) return;
  Request request(RTM_DELNEIGH, 0, neighbour);
  socket.Request("netlink(forget neighbour)", request.header());
}

size_t ForgetLeftovers(NetlinkSocket& socket) {
  std::vector<Neighbour> leftovers;
  Request request(RTM_GETNEIGH, NLM_F_DUMP);
  socket.Request("netlink(list neighbours)", request.header(), [&](const nlmsghdr& message) {
    auto entry = ParseNeighbour(message);
    if (entry && entry->ours) leftovers.push_back(entry->neighbour);
  });
  for (const Neighbour& neighbour : leftovers) ForgetNeighbour(socket, neighbour);
  return leftovers.size();
}

std::optional<NeighbourEntry> LookUpNeighbour(NetlinkSocket& socket, const Neighbour& neighbour) {
  Request request(RTM_GETNEIGH, 0, neighbour);
  std::optional<NeighbourEntry> found;
  try {
    socket.Request("netlink(look up neighbour)", request.header(),
                   [&](const nlmsghdr& message) { found = ParseNeighbour(message); });
  } catch (const SystemError& error) {
    // No such entry, or the port itself is gone and its entries with it.
    if (error.number() != ENOENT && error.number() != ENODEV) throw;
  }
  return found;
}

}  // namespace distributor

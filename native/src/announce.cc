// SPDX-License-Identifier: Apache-2.0
#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include <vector>

#include "arguments.h"
#include "errors.h"
#include "file-descriptor.h"

namespace distributor {

namespace {

// A frame under construction, in network byte order.
class Frame {
 public:
  Frame& Bytes(const uint8_t* bytes, size_t length) {
    data.insert(data.end(), bytes, bytes + length);
    return *this;
  }
  Frame& Address(const Mac& mac) { return Bytes(mac.data(), mac.size()); }
  Frame& U8(uint8_t value) { return Bytes(&value, 1); }
  Frame& U16(uint16_t value) { return U8(value >> 8).U8(value & 0xff); }
  Frame& U32(uint32_t value) { return U16(value >> 16).U16(value & 0xffff); }

  std::vector<uint8_t> data;
};

struct Announcement {
  uint16_t outer_vlan, inner_vlan;
  Mac mac;
  dist_address address;
};

constexpr Mac kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Mac kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};
constexpr std::array<uint8_t, 16> kAllNodes = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr uint16_t kArpRequest = 1;
constexpr uint8_t kNeighbourAdvertisement = 136;
constexpr uint32_t kOverride = 0x20000000;

void PutEthernet(Frame& frame, const Announcement& what, const Mac& to, uint16_t ether_type) {
  frame.Address(to).Address(what.mac);
  if (what.inner_vlan)
    frame.U16(0x88a8).U16(what.outer_vlan).U16(ETHERTYPE_VLAN).U16(what.inner_vlan);
  else if (what.outer_vlan)
    frame.U16(ETHERTYPE_VLAN).U16(what.outer_vlan);
  frame.U16(ether_type);
}

Frame GratuitousArp(const Announcement& what) {
  Frame frame;
  const uint8_t* ipv4 = what.address.byte + 12;
  PutEthernet(frame, what, kBroadcast, ETHERTYPE_ARP);
  frame.U16(1).U16(ETHERTYPE_IP).U8(6).U8(4).U16(kArpRequest);
  frame.Address(what.mac).Bytes(ipv4, 4).Address({}).Bytes(ipv4, 4);
  return frame;
}

uint16_t Checksum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += bytes[i] << 8 | bytes[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

Frame Advertisement(const Announcement& what, uint16_t checksum) {
  Frame message;
  message.U8(kNeighbourAdvertisement).U8(0).U16(checksum).U32(kOverride);
  message.Bytes(what.address.byte, 16).U8(2).U8(1).Address(what.mac);
  return message;
}

Frame UnsolicitedAdvertisement(const Announcement& what) {
  Frame summed;  // with the pseudo-header of RFC 8200, section 8.1
  Frame unsummed = Advertisement(what, 0);
  auto length = static_cast<uint16_t>(unsummed.data.size());
  summed.Bytes(what.address.byte, 16).Bytes(kAllNodes.data(), 16).U32(length).U32(IPPROTO_ICMPV6);
  summed.Bytes(unsummed.data.data(), length);

  Frame frame, message = Advertisement(what, Checksum(summed.data));
  PutEthernet(frame, what, kAllNodesMac, ETHERTYPE_IPV6);
  frame.U32(0x60000000).U16(length).U8(IPPROTO_ICMPV6).U8(255);
  frame.Bytes(what.address.byte, 16).Bytes(kAllNodes.data(), 16);
  frame.Bytes(message.data.data(), length);
  return frame;
}

void Send(uint32_t ifindex, const Frame& frame) {
  // One for all: to close a packet socket the kernel waits for a grace period. It receives nothing.
  static const FileDescriptor socket(
      Check("socket(packet)", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(ifindex);
  Check("sendto(packet)",
        static_cast<int>(sendto(socket.get(), frame.data.data(), frame.data.size(), 0,
                                reinterpret_cast<sockaddr*>(&to), sizeof to)));
}

}  // namespace

void Announce(const Napi::CallbackInfo& info) {
  auto object = info[0].As<Napi::Object>();
  uint32_t ifindex = Uint32At(object, "ifindex");
  Announcement what = {.outer_vlan = static_cast<uint16_t>(Uint32At(object, "outerVlan", 4094)),
                       .inner_vlan = static_cast<uint16_t>(Uint32At(object, "innerVlan", 4094)),
                       .mac = MacAt(object, "mac"),
                       .address = AddressAt(object, "address")};
  Guard(info.Env(), [&] {
    Send(ifindex, IsIpv4(what.address) ? GratuitousArp(what) : UnsolicitedAdvertisement(what));
  });
}

}  // namespace distributor

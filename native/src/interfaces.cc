// SPDX-License-Identifier: Apache-2.0
#include "interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <memory>

#include "arguments.h"
#include "errors.h"
#include "file-descriptor.h"
#include "vlan-offload.h"

namespace distributor {

namespace {

struct Interface {
  uint32_t ifindex;
  std::string mac;
  uint32_t mtu;
  bool up;
  bool strips_vlan_tags;
  std::vector<std::string> addresses;
};

// 0 if it has gone since it was listed.
uint32_t MtuOf(const FileDescriptor& socket, const char* interface_name) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface_name, IFNAMSIZ - 1);
  return ioctl(socket.get(), SIOCGIFMTU, &request) < 0 ? 0 : request.ifr_mtu;
}

std::map<std::string, Interface> List() {
  VlanOffload vlan_offload;
  FileDescriptor any(Check("socket(inet)", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  ifaddrs* list;
  if (getifaddrs(&list) < 0) throw SystemError("getifaddrs", errno);
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::map<std::string, Interface> interfaces;
  for (ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_PACKET) continue;
    auto* link = reinterpret_cast<sockaddr_ll*>(entry->ifa_addr);
    if (link->sll_hatype != ARPHRD_ETHER || link->sll_halen != sizeof(Mac)) continue;
    interfaces[entry->ifa_name] = {.ifindex = static_cast<uint32_t>(link->sll_ifindex),
                                   .mac = FormatMac(link->sll_addr),
                                   .mtu = MtuOf(any, entry->ifa_name),
                                   .up = (entry->ifa_flags & IFF_UP) != 0,
                                   .strips_vlan_tags = vlan_offload.Strips(entry->ifa_name),
                                   .addresses = {}};
  }
  for (ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    auto found = interfaces.find(entry->ifa_name);
    if (found == interfaces.end() || !entry->ifa_addr) continue;
    char text[INET6_ADDRSTRLEN];
    const void* address = nullptr;
    int family = entry->ifa_addr->sa_family;
    if (family == AF_INET) address = &reinterpret_cast<sockaddr_in*>(entry->ifa_addr)->sin_addr;
    if (family == AF_INET6) address = &reinterpret_cast<sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
    if (address && inet_ntop(family, address, text, sizeof text))
      found->second.addresses.push_back(text);
  }
  return interfaces;
}

}  // namespace

Napi::Value Interfaces(const Napi::CallbackInfo& info) {
  auto interfaces = Guard(info.Env(), List);
  auto result = Napi::Array::New(info.Env());
  for (const auto& [name, interface] : interfaces) {
    auto object = Napi::Object::New(info.Env());
    object.Set("name", name);
    object.Set("ifindex", interface.ifindex);
    object.Set("mac", interface.mac);
    object.Set("mtu", interface.mtu);
    object.Set("up", interface.up);
    object.Set("stripsVlanTags", interface.strips_vlan_tags);
    auto addresses = Napi::Array::New(info.Env());
    for (const std::string& address : interface.addresses)
      addresses[addresses.Length()] = Napi::String::New(info.Env(), address);
    object.Set("addresses", addresses);
    result[result.Length()] = object;
  }
  return result;
}

}  // namespace distributor

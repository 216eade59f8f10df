// SPDX-License-Identifier: Apache-2.0
#include "vlan-offload.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "errors.h"

namespace distributor {

namespace {

// An ethtool command with room behind it for the kernel's answer.
template <typename Command>
class Request {
 public:
  explicit Request(size_t room) : bytes_(sizeof(Command) + room) {}

  Command* operator->() { return reinterpret_cast<Command*>(bytes_.data()); }
  const char* answer() const { return bytes_.data() + sizeof(Command); }

  bool Send(int socket, const char* interface_name) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface_name, IFNAMSIZ - 1);
    request.ifr_data = bytes_.data();
    return ioctl(socket, SIOCETHTOOL, &request) == 0;
  }

 private:
  std::vector<char> bytes_;
};

// Numbers are the kernel's own and change with its version; all devices have the same.
std::vector<uint32_t> FeatureNumbers(int socket, const char* interface_name) {
  Request<ethtool_sset_info> size(sizeof(uint32_t));
  size->cmd = ETHTOOL_GSSET_INFO;
  size->sset_mask = 1ULL << ETH_SS_FEATURES;
  if (!size.Send(socket, interface_name)) return {};
  uint32_t count;
  std::memcpy(&count, size.answer(), sizeof count);

  Request<ethtool_gstrings> names(count * ETH_GSTRING_LEN);
  names->cmd = ETHTOOL_GSTRINGS;
  names->string_set = ETH_SS_FEATURES;
  names->len = count;
  if (!names.Send(socket, interface_name)) return {};
  std::vector<uint32_t> numbers;
  for (uint32_t number = 0; number < count; number++) {
    const char* text = names.answer() + number * ETH_GSTRING_LEN;
    std::string_view name(text, strnlen(text, ETH_GSTRING_LEN));
    if (name == "rx-vlan-hw-parse" || name == "rx-vlan-stag-hw-parse") numbers.push_back(number);
  }
  return numbers;
}

}  // namespace

VlanOffload::VlanOffload()
    : socket_(Check("socket(inet)", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))) {}

bool VlanOffload::Strips(const char* interface_name) {
  if (features_.empty()) features_ = FeatureNumbers(socket_.get(), interface_name);
  constexpr uint32_t kBlocks = 4;  // of 32 features each
  Request<ethtool_gfeatures> request(kBlocks * sizeof(ethtool_get_features_block));
  request->cmd = ETHTOOL_GFEATURES;
  request->size = kBlocks;
  if (!request.Send(socket_.get(), interface_name)) return false;
  const auto* blocks = reinterpret_cast<const ethtool_get_features_block*>(request.answer());
  return std::any_of(features_.begin(), features_.end(), [&](uint32_t number) {
    return number / 32 < kBlocks && blocks[number / 32].active >> number % 32 & 1;
  });
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>

#include "arguments.h"
#include "netlink.h"

namespace distributor {

// Marks neighbours and addresses as ours, like a routing daemon's routes; no other program
// uses the number.
constexpr uint8_t kProtocolOfOurs = 219;

// An address on a port's link, the key of the kernel's neighbour table.
struct Neighbour {
  uint32_t ifindex;
  dist_address address;

  bool operator<(const Neighbour& other) const {
    if (ifindex != other.ifindex) return ifindex < other.ifindex;
    return std::memcmp(address.byte, other.address.byte, sizeof address.byte) < 0;
  }
};

struct NeighbourEntry {
  Neighbour neighbour;
  std::optional<Mac> mac;  // none while the address does not answer
  bool permanent;          // set by the host's administrator
  bool deleted;            // the kernel gave the entry up: its port went down, or a flush
  bool ours;               // made by ManageNeighbour, by this process or one before
};

// Of RTM_NEWNEIGH and RTM_DELNEIGH; none for other messages and address families.
std::optional<NeighbourEntry> ParseNeighbour(const nlmsghdr& message);

// Asks the kernel to resolve the address and to keep it resolved (a managed entry, Linux
// 5.16). An entry that an administrator made permanent is left as it is.
void ManageNeighbour(NetlinkSocket& socket, const Neighbour& neighbour);

// Removes the managed entry; absent is fine.
void ForgetNeighbour(NetlinkSocket& socket, const Neighbour& neighbour);

// Removes what a process that was killed left managed. Returns how many that were.
size_t ForgetLeftovers(NetlinkSocket& socket);

// What the kernel knows now; none if it has no entry.
std::optional<NeighbourEntry> LookUpNeighbour(NetlinkSocket& socket, const Neighbour& neighbour);

}  // namespace distributor

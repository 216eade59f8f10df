// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <tuple>

#include "netlink.h"

namespace distributor {

// A solicited-node group (RFC 4291, 2.7.1) on a port: index, and the address's last octets.
using SolicitedNode = std::tuple<uint32_t, uint8_t, uint8_t, uint8_t>;

// Memberships that outlive the process: the group's address on the port, which the kernel
// joins by itself (`autojoin`). Marked as ours, like managed neighbours.
//
// When a port goes down the kernel forgets the address and keeps the membership, which then
// ends with the port alone.

// False where the port cannot have it: it is down or gone, has IPv6 disabled, or the host has
// as many groups as its net.core.optmem_max lets it.
bool AddGroupAddress(NetlinkSocket& socket, const SolicitedNode& group);
void RemoveGroupAddress(NetlinkSocket& socket, const SolicitedNode& group);  // absent is fine
std::set<SolicitedNode> GroupAddresses(NetlinkSocket& socket);

}  // namespace distributor

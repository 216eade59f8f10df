// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// announce({ifindex, outerVlan, innerVlan, mac, address}): sends one gratuitous ARP
// request (RFC 5227, section 3) or unsolicited neighbour advertisement (RFC 4861, 7.2.6)
// from the port, so that the link learns the address's new MAC.
void Announce(const Napi::CallbackInfo& info);

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// interfaces(): [{name, ifindex, mac, up, addresses: string[]}] of this network namespace;
// those with an Ethernet address only.
Napi::Value Interfaces(const Napi::CallbackInfo& info);

}  // namespace distributor

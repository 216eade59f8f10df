// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// {ifindex} → {id, name: string | null} of the XDP program on the port, null if there is none.
// The name is null where the kernel does not tell it.
Napi::Value XdpProgram(const Napi::CallbackInfo& info);

}  // namespace distributor

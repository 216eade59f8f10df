// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// socketHolder({name}): {pid, uid} | null: who listens on the abstract unix socket.
Napi::Value SocketHolder(const Napi::CallbackInfo& info);

}  // namespace distributor

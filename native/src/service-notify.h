// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// {socket, state}: one datagram of sd_notify(3) to the service manager. `socket` is what
// NOTIFY_SOCKET says, a path or an abstract name that begins with '@'.
void NotifyService(const Napi::CallbackInfo& info);

}  // namespace distributor

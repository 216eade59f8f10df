// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// Returns when every run of a program that was under way has ended (an RCU grace period:
// some milliseconds).
void WaitForReaders();

// waitForReaders(): Promise<void>, the same on a thread of the pool.
Napi::Value WaitForReadersAsync(const Napi::CallbackInfo& info);

}  // namespace distributor

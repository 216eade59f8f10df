// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// buildTable({seed: bigint, weights: Uint32Array, size}): Promise<Uint16Array>, computed on
// a thread of the pool.
Napi::Value BuildTableAsync(const Napi::CallbackInfo& info);

}  // namespace distributor

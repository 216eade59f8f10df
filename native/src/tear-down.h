// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// {pins: directory} → {ports, groups, neighbours}: how many of each it was. Removes what a
// daemon keeps in the kernel. Throws EWOULDBLOCK while one uses the directory.
Napi::Value TearDown(const Napi::CallbackInfo& info);

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

namespace distributor {

// What one Node environment keeps of the addon: constructors that C++ calls.
struct AddonData {
  Napi::FunctionReference slot_table;
};

}  // namespace distributor

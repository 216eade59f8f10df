// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "file-descriptor.h"

namespace distributor {

// Tells which devices take VLAN tags off received frames, so that XDP does not see them.
class VlanOffload {
 public:
  VlanOffload();

  bool Strips(const char* interface_name);

 private:
  FileDescriptor socket_;
  std::vector<uint32_t> features_;  // numbers of the two that matter; empty = not asked for yet
};

}  // namespace distributor

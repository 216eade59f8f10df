// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "file-descriptor.h"
#include "pins.h"

namespace distributor {

enum class XdpMode { kNative, kGeneric };

// The links that attach a program to ports. Pinned ones stay attached when *this ends.
class PortLinks {
 public:
  // `pins` may be null, and outlives *this.
  explicit PortLinks(const Pins* pins) : pins_(pins) {}

  // Takes the pinned links, and makes each run the program from one packet to the next.
  // Removes those whose port is gone.
  void Adopt(int program);

  // Native mode where the port's driver has it, else generic. Throws if another program
  // is attached to the port (EBUSY) or there is no such port (ENODEV).
  void Attach(uint32_t ifindex, int program);
  void Detach(uint32_t ifindex);

  // False where the port is gone, or somebody has taken the program off it.
  bool IsAttached(uint32_t ifindex) const;
  // By index.
  std::vector<uint32_t> Attached() const;

  // Pins again what is not pinned any more; returns how many were not.
  uint32_t KeepPinned() const;

 private:
  const Pins* pins_;
  std::map<uint32_t, FileDescriptor> links_;  // by ifindex
};

// How a program is attached to the port.
XdpMode ModeOf(uint32_t ifindex);

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "file-descriptor.h"

namespace distributor {

// What one daemon keeps in the kernel beyond its own life, as a directory of a bpffs:
//   maps-<n>/<map>   a set of maps; that with the highest number is in use, others are left
//                    from a change of programs that did not come to its end
//   ports/<ifindex>  the link that attaches the program to a port
// The directory is locked for the life of *this.
class Pins {
 public:
  // Makes the directory. Throws SystemError: EWOULDBLOCK if another process has it locked,
  // EINVAL if it is not on a bpffs.
  explicit Pins(const std::string& directory);

  // Numbers of the complete sets, ascending. Removes incomplete ones: nothing uses them.
  std::vector<uint32_t> Sets() const;
  FileDescriptor OpenMap(uint32_t set, const std::string& map) const;  // -1: not there
  void PinMap(uint32_t set, const std::string& map, int fd) const;
  bool HasMap(uint32_t set, const std::string& map) const;
  void RemoveSet(uint32_t set) const;

  std::vector<uint32_t> Ports() const;
  FileDescriptor OpenLink(uint32_t ifindex) const;
  void PinLink(uint32_t ifindex, int fd) const;
  bool HasLink(uint32_t ifindex) const;
  void RemoveLink(uint32_t ifindex) const;

  // Everything, the directory too; ports get no more packets then.
  void RemoveAll() const;

 private:
  std::filesystem::path SetPath(uint32_t set) const;
  std::filesystem::path LinkPath(uint32_t ifindex) const;

  std::filesystem::path directory_;
  FileDescriptor lock_;
};

// The map that is pinned last: a set with it is complete.
constexpr const char* kLastPinned = "layout";

}  // namespace distributor

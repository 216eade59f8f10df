// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace distributor {

// The elements of a BPF_F_MMAPABLE array as memory, in words of 8 bytes. A store is seen by
// the XDP program at once. The mapping keeps the kernel's map alive; unmapped with *this.
class MappedArray {
 public:
  MappedArray(int map_fd, size_t words);
  ~MappedArray();
  MappedArray(const MappedArray&) = delete;
  MappedArray& operator=(const MappedArray&) = delete;

  std::span<uint64_t> words() const { return {words_, size_}; }

 private:
  uint64_t* words_;
  size_t size_;
};

}  // namespace distributor

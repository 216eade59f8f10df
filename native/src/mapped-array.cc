// SPDX-License-Identifier: Apache-2.0
#include "mapped-array.h"

#include <sys/mman.h>

#include <cerrno>

#include "errors.h"

namespace distributor {

MappedArray::MappedArray(int map_fd, size_t words) : size_(words) {
  void* memory =
      mmap(nullptr, words * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (memory == MAP_FAILED) throw SystemError("mmap", errno);
  words_ = static_cast<uint64_t*>(memory);
}

MappedArray::~MappedArray() { munmap(words_, size_ * sizeof(uint64_t)); }

}  // namespace distributor

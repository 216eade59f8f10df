// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "file-descriptor.h"

struct distributor_bpf;  // the skeleton

namespace distributor {

struct Capacity {
  uint32_t vips, slots, positions, flows, fragments;
};

enum class XdpMode { kNative, kGeneric };

// The XDP program in the kernel, with its maps, and its links to ports. Closing removes
// every one of them.
class Program {
 public:
  // Throws SystemError with the verifier's log. Flows get four times as many openings.
  explicit Program(const Capacity& capacity);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Native mode where the port's driver has it, else generic. Throws if another program
  // is attached to the port (EBUSY) or there is no such port (ENODEV).
  XdpMode Attach(uint32_t ifindex);
  void Detach(uint32_t ifindex);

  int fd() const;
  int vips() const;
  int slots() const;
  int positions() const;
  int learning() const;
  int flows() const;
  int openings() const;
  int fragments() const;
  int shares() const;
  int claims() const;
  int tallies() const;
  int sweep_flows() const;  // the other program: see bpf/sweep.h
  uint64_t flow_secret() const { return flow_secret_; }
  uint32_t opening_mask() const { return opening_mask_; }
  int vip_counters() const;
  int position_counters() const;

 private:
  struct SkeletonDeleter {
    void operator()(::distributor_bpf* skeleton) const;
  };
  std::unique_ptr<::distributor_bpf, SkeletonDeleter> skeleton_;
  uint64_t flow_secret_ = 0;
  uint32_t opening_mask_ = 0;
  std::map<uint32_t, FileDescriptor> links_;  // by ifindex; closed before the program
};

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "layout.h"
#include "mapped-slots.h"
#include "pins.h"
#include "port-links.h"

struct distributor_bpf;  // the skeleton

namespace distributor {

struct Capacity {
  uint32_t vips, slots, positions, flows, fragments;
};

// What was pinned when a program was loaded.
struct Adoption {
  bool found = false;                // there was something
  uint32_t abi_version = 0;          // of the program that used it last
  std::vector<std::string> carried;  // the maps whose content was copied: they could not be kept
  uint64_t lost_flows = 0;           // entries that found no room
};

// The XDP program in the kernel, with its maps, and its links to ports. What is pinned goes
// on without the process; the rest ends with *this.
class Program {
 public:
  // Throws SystemError with the verifier's log. Flows get four times as many openings. With
  // `pins`, a directory of a bpffs, it takes over the maps and ports that are pinned there.
  Program(const Capacity& capacity, const std::optional<std::string>& pins);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Whether entries of flows may still be with another program.
  void SetCarrying(bool carrying);

  // After each change of the map, before anything relies on it: processors forget what they
  // remember of it.
  void VipsChanged();

  // Pins again what somebody has removed; returns how many pins were missing.
  uint32_t KeepPinned() const;

  const Adoption& adoption() const { return adoption_; }
  PortLinks& links() { return links_; }

  int fd() const;
  int vips() const;
  MappedSlots::Maps slot_maps() const;
  int positions() const;
  int learning() const;
  int flows() const;
  int openings() const;
  int fragments() const;
  int shares() const;
  int claims() const;
  int tallies() const;
  int header() const;
  int tables() const;
  int occupants() const;
  int sweep_flows() const;  // the other program: see bpf/sweep.h
  uint64_t flow_secret() const { return flow_secret_; }
  uint32_t opening_mask() const { return opening_mask_; }
  int vip_counters() const;
  int position_counters() const;

 private:
  struct SkeletonDeleter {
    void operator()(::distributor_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<::distributor_bpf, SkeletonDeleter>;

  void Size(const Capacity& capacity);
  void Load();
  void Create();
  void TakeOver(std::vector<uint32_t> sets);
  void ChooseSecret(uint64_t known);
  void PinMaps(uint32_t set);
  uint32_t PinMissing() const;

  std::unique_ptr<Pins> pins_;  // null: nothing is pinned
  Skeleton skeleton_;
  Layouts layouts_;
  uint64_t flow_secret_ = 0;
  uint32_t opening_mask_ = 0;
  Adoption adoption_{};
  uint32_t set_ = 0;  // number of the maps in use
  PortLinks links_;   // closed before the program
};

}  // namespace distributor

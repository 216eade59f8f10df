// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>

#include "distributor.skel.h"
#include "errors.h"

namespace distributor {

namespace {

constexpr uint32_t kMaxOpenings = 1u << 28;  // 4 GiB

// libbpf reports through one process-wide callback; what it says while a call runs on
// this thread becomes the `details` of that call's error.
thread_local std::string libbpf_said;

int RememberMessage(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[4096];
  int length = std::vsnprintf(line, sizeof line, format, arguments);
  libbpf_said.append(line);
  return length;
}

}  // namespace

void Program::SkeletonDeleter::operator()(::distributor_bpf* skeleton) const {
  distributor_bpf__destroy(skeleton);
}

Program::Program(const Capacity& capacity) {
  libbpf_set_print(RememberMessage);
  libbpf_said.clear();
  skeleton_.reset(distributor_bpf__open());
  if (!skeleton_) throw SystemError("bpf(open)", errno, libbpf_said);
  auto& maps = skeleton_->maps;
  Check("bpf(size vips)", bpf_map__set_max_entries(maps.vips, capacity.vips));
  Check("bpf(size slots)", bpf_map__set_max_entries(maps.slots, capacity.slots));
  Check("bpf(size positions)", bpf_map__set_max_entries(maps.positions, capacity.positions));
  Check("bpf(size learning)", bpf_map__set_max_entries(maps.learning, capacity.positions));
  Check("bpf(size flows)", bpf_map__set_max_entries(maps.flows, capacity.flows));
  uint32_t openings = std::bit_ceil(std::min(capacity.flows, kMaxOpenings / 4) * 4);
  Check("bpf(size openings)", bpf_map__set_max_entries(maps.openings, openings));
  Check("bpf(size fragments)", bpf_map__set_max_entries(maps.fragments, capacity.fragments));
  // Element 0 is for packets of no VIP, and for all of them.
  Check("bpf(size shares)", bpf_map__set_max_entries(maps.shares, capacity.vips + 1));
  Check("bpf(size tallies)", bpf_map__set_max_entries(maps.tallies, capacity.positions));
  Check("bpf(size claims)", bpf_map__set_max_entries(maps.claims, capacity.vips + 1));
  Check("bpf(size vip_counters)", bpf_map__set_max_entries(maps.vip_counters, capacity.vips + 1));
  Check("bpf(size position_counters)",
        bpf_map__set_max_entries(maps.position_counters, capacity.positions));
  Check("getrandom", static_cast<int>(getrandom(&flow_secret_, sizeof flow_secret_, 0)));
  opening_mask_ = openings - 1;
  skeleton_->rodata->flow_secret = flow_secret_;
  skeleton_->rodata->flow_capacity = capacity.flows;
  skeleton_->rodata->opening_mask = opening_mask_;
  if (int result = distributor_bpf__load(skeleton_.get()); result < 0)
    throw SystemError("bpf(load)", -result, libbpf_said);
}

Program::~Program() = default;

XdpMode Program::Attach(uint32_t ifindex) {
  // The kernel's own answer would be EINVAL.
  char name[IF_NAMESIZE];
  if (!if_indextoname(ifindex, name)) throw SystemError("bpf(link)", ENODEV);
  auto link = [&](uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return bpf_link_create(fd(), static_cast<int>(ifindex), BPF_XDP, &options);
  };
  int result = link(XDP_FLAGS_DRV_MODE);
  XdpMode mode = XdpMode::kNative;
  if (result == -EOPNOTSUPP) {
    result = link(XDP_FLAGS_SKB_MODE);
    mode = XdpMode::kGeneric;
  }
  links_[ifindex] = FileDescriptor(Check("bpf(link)", result));
  return mode;
}

void Program::Detach(uint32_t ifindex) { links_.erase(ifindex); }

int Program::fd() const { return bpf_program__fd(skeleton_->progs.distributor); }
int Program::vips() const { return bpf_map__fd(skeleton_->maps.vips); }
int Program::slots() const { return bpf_map__fd(skeleton_->maps.slots); }
int Program::positions() const { return bpf_map__fd(skeleton_->maps.positions); }
int Program::learning() const { return bpf_map__fd(skeleton_->maps.learning); }
int Program::flows() const { return bpf_map__fd(skeleton_->maps.flows); }
int Program::openings() const { return bpf_map__fd(skeleton_->maps.openings); }
int Program::fragments() const { return bpf_map__fd(skeleton_->maps.fragments); }
int Program::shares() const { return bpf_map__fd(skeleton_->maps.shares); }
int Program::claims() const { return bpf_map__fd(skeleton_->maps.claims); }
int Program::tallies() const { return bpf_map__fd(skeleton_->maps.tallies); }
int Program::sweep_flows() const { return bpf_program__fd(skeleton_->progs.sweep_flows); }
int Program::vip_counters() const { return bpf_map__fd(skeleton_->maps.vip_counters); }
int Program::position_counters() const { return bpf_map__fd(skeleton_->maps.position_counters); }

}  // namespace distributor

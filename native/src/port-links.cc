// SPDX-License-Identifier: Apache-2.0
#include "port-links.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cerrno>

#include "errors.h"

namespace distributor {

namespace {

// The kernel's own answer to a port that is not there would be EINVAL.
void RequirePort(uint32_t ifindex) {
  char name[IF_NAMESIZE];
  if (!if_indextoname(ifindex, name)) throw SystemError("bpf(link)", ENODEV);
}

int Link(uint32_t ifindex, int program, uint32_t flags) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  return bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options);
}

// 0 once the port is gone or the link was detached.
uint32_t PortOf(int link) {
  bpf_link_info info{};
  uint32_t length = sizeof info;
  Check("bpf(link info)", bpf_obj_get_info_by_fd(link, &info, &length));
  return info.xdp.ifindex;
}

}  // namespace

void PortLinks::Adopt(int program) {
  if (!pins_) return;
  for (uint32_t ifindex : pins_->Ports()) {
    FileDescriptor link = pins_->OpenLink(ifindex);
    if (link.get() < 0 || PortOf(link.get()) != ifindex) {
      pins_->RemoveLink(ifindex);
      continue;
    }
    Check("bpf(update link)", bpf_link_update(link.get(), program, nullptr));
    links_[ifindex] = std::move(link);
  }
}

void PortLinks::Attach(uint32_t ifindex, int program) {
  RequirePort(ifindex);
  int result = Link(ifindex, program, XDP_FLAGS_DRV_MODE);
  if (result == -EOPNOTSUPP) result = Link(ifindex, program, XDP_FLAGS_SKB_MODE);
  FileDescriptor link(Check("bpf(link)", result));
  if (pins_) {
    pins_->RemoveLink(ifindex);  // of a link that somebody has detached
    pins_->PinLink(ifindex, link.get());
  }
  links_[ifindex] = std::move(link);
}

void PortLinks::Detach(uint32_t ifindex) {
  auto known = links_.find(ifindex);
  if (known == links_.end()) return;
  if (pins_) pins_->RemoveLink(ifindex);
  links_.erase(known);
}

bool PortLinks::IsAttached(uint32_t ifindex) const {
  auto known = links_.find(ifindex);
  return known != links_.end() && PortOf(known->second.get()) == ifindex;
}

std::vector<uint32_t> PortLinks::Attached() const {
  std::vector<uint32_t> attached;
  for (const auto& [ifindex, link] : links_)
    if (IsAttached(ifindex)) attached.push_back(ifindex);
  return attached;
}

uint32_t PortLinks::KeepPinned() const {
  uint32_t missing = 0;
  for (const auto& [ifindex, link] : links_) {
    if (!pins_ || pins_->HasLink(ifindex)) continue;
    pins_->PinLink(ifindex, link.get());
    missing++;
  }
  return missing;
}

XdpMode ModeOf(uint32_t ifindex) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  int result = bpf_xdp_query(static_cast<int>(ifindex), 0, &options);
  if (result < 0) throw SystemError("netlink(query XDP)", -result);
  return options.attach_mode == XDP_ATTACHED_SKB ? XdpMode::kGeneric : XdpMode::kNative;
}

}  // namespace distributor

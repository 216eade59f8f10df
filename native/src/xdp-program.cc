// SPDX-License-Identifier: Apache-2.0
#include "xdp-program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "arguments.h"
#include "errors.h"
#include "file-descriptor.h"
#include "program-name.skel.h"

namespace distributor {

namespace {

struct Destroy {
  void operator()(program_name_bpf* skeleton) const { program_name_bpf__destroy(skeleton); }
};

// See bpf/program-name.bpf.c. None where the kernel lacks iterators or its type information.
std::optional<std::string> NameOf(uint32_t id) {
  std::unique_ptr<program_name_bpf, Destroy> skeleton(program_name_bpf__open());
  if (!skeleton) return std::nullopt;
  skeleton->rodata->wanted_id = id;
  if (program_name_bpf__load(skeleton.get()) < 0) return std::nullopt;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  FileDescriptor link(
      bpf_link_create(bpf_program__fd(skeleton->progs.program_name), 0, BPF_TRACE_ITER, &options));
  if (link.get() < 0) return std::nullopt;
  FileDescriptor iterator(bpf_iter_create(link.get()));
  std::array<char, 16> name{};
  if (iterator.get() < 0 || read(iterator.get(), name.data(), name.size()) <= 0)
    return std::nullopt;
  return std::string(name.data(), strnlen(name.data(), name.size()));
}

}  // namespace

Napi::Value XdpProgram(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  uint32_t ifindex = Uint32At(info[0].As<Napi::Object>(), "ifindex");
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  Guard(env, [&] {
    int result = bpf_xdp_query(static_cast<int>(ifindex), 0, &options);
    if (result < 0) throw SystemError("netlink(query XDP)", -result);
  });
  uint32_t ids[] = {options.drv_prog_id, options.skb_prog_id, options.hw_prog_id, options.prog_id};
  for (uint32_t id : ids) {
    if (id == 0) continue;
    auto object = Napi::Object::New(env);
    auto name = NameOf(id);
    object.Set("id", id);
    object.Set("name", name ? Napi::String::New(env, *name) : env.Null());
    return object;
  }
  return env.Null();
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
// The part of Datapath that looks into the kernel: single packets, object ids.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <set>
#include <span>
#include <vector>

#include "arguments.h"
#include "datapath.h"
#include "errors.h"

namespace distributor {

// {frame: Uint8Array, ifindex: 0 = none} → {action, frame}
Napi::Value Datapath::TestRun(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  auto object = info[0].As<Napi::Object>();
  Napi::Value bytes = object.Get("frame");
  if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw ArgumentError(info.Env(), "frame", "must be a Uint8Array");
  auto frame = bytes.As<Napi::Uint8Array>();
  constexpr size_t kRoomToGrow = 64;
  std::vector<uint8_t> out(frame.ElementLength() + kRoomToGrow);
  xdp_md context{};
  context.data_end = static_cast<uint32_t>(frame.ElementLength());
  context.ingress_ifindex = Uint32At(object, "ifindex");
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.Data(), .data_out = out.data(),
              .data_size_in = static_cast<uint32_t>(frame.ElementLength()),
              .data_size_out = static_cast<uint32_t>(out.size()), .repeat = 1);
  if (context.ingress_ifindex != 0) {
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
  }
  Guard(info.Env(),
        [&] { Check("bpf(test run)", bpf_prog_test_run_opts(program.fd(), &options)); });
  auto result = Napi::Object::New(info.Env());
  result.Set("action", options.retval);
  result.Set("frame", Napi::Buffer<uint8_t>::Copy(info.Env(), out.data(), options.data_size_out));
  return result;
}

namespace {

bpf_prog_info DescriptionOf(int program, std::span<uint32_t> map_ids) {
  bpf_prog_info description{};
  description.nr_map_ids = static_cast<uint32_t>(map_ids.size());
  description.map_ids = reinterpret_cast<uint64_t>(map_ids.data());
  uint32_t size = sizeof description;
  Check("bpf(info)", bpf_obj_get_info_by_fd(program, &description, &size));
  return description;
}

std::vector<uint32_t> MapIdsOf(int program) {
  std::vector<uint32_t> ids(DescriptionOf(program, {}).nr_map_ids);
  DescriptionOf(program, ids);
  return ids;
}

}  // namespace

// {programId: of the one for packets, mapIds: of both}: what `bpftool` calls them.
Napi::Value Datapath::Inventory(const Napi::CallbackInfo& info) {
  Program& program = Open(info.Env());
  uint32_t program_id = 0;
  std::set<uint32_t> ids;
  Guard(info.Env(), [&] {
    program_id = DescriptionOf(program.fd(), {}).id;
    for (int fd : {program.fd(), program.sweep_flows()})
      for (uint32_t id : MapIdsOf(fd)) ids.insert(id);
  });
  auto map_ids = Napi::Array::New(info.Env(), ids.size());
  uint32_t next = 0;
  for (uint32_t id : ids) map_ids[next++] = Napi::Number::New(info.Env(), id);
  auto result = Napi::Object::New(info.Env());
  result.Set("programId", program_id);
  result.Set("mapIds", map_ids);
  return result;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
// What JavaScript sees of the addon; src/datapath/native.ts declares its types.
#include <arpa/inet.h>
#include <napi.h>

#include <ctime>

#include "abi.h"
#include "addon-data.h"
#include "announce.h"
#include "arguments.h"
#include "datapath.h"
#include "hash.h"
#include "interfaces.h"
#include "neighbour-watch.h"
#include "readers.h"
#include "service-notify.h"
#include "slot-table-object.h"
#include "socket-holder.h"
#include "solicited-nodes.h"
#include "table-worker.h"
#include "tear-down.h"
#include "verdicts.h"
#include "xdp-program.h"

namespace distributor {

namespace {

// Seconds of the clock that the XDP program stamps entries with (bpf_ktime_get_coarse_ns).
Napi::Value Now(const Napi::CallbackInfo& info) {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return Napi::Number::New(info.Env(), static_cast<uint32_t>(time.tv_sec));
}

// {seed: bigint, source: string, sourcePort: 0 for source-IP affinity} → 32-bit hash
Napi::Value SlotHash(const Napi::CallbackInfo& info) {
  auto object = info[0].As<Napi::Object>();
  dist_address source = AddressAt(object, "source");
  auto port = htons(static_cast<uint16_t>(Uint32At(object, "sourcePort", 0xffff)));
  return Napi::Number::New(
      info.Env(), dist_slot_hash(Uint64At(object, "seed"), dist_client_hash(&source, port)));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto data = std::make_unique<AddonData>();
  Napi::Function slot_table = SlotTableObject::Define(env);
  data->slot_table = Napi::Persistent(slot_table);
  env.SetInstanceData(data.release());

  auto verdicts = Napi::Array::New(env, kVerdictNames.size());
  for (uint32_t i = 0; i < kVerdictNames.size(); i++)
    verdicts[i] = kVerdictNames[i] ? Napi::String::New(env, kVerdictNames[i]) : env.Null();

  exports.Set("abiVersion", DIST_ABI_VERSION);
  exports.Set("verdicts", verdicts);
  exports.Set("SlotTable", slot_table);
  exports.Set("Datapath", Datapath::Define(env));
  exports.Set("NeighbourWatch", NeighbourWatch::Define(env));
  exports.Set("SolicitedNodes", SolicitedNodes::Define(env));
  exports.Set("buildTable", Napi::Function::New<BuildTableAsync>(env, "buildTable"));
  exports.Set("waitForReaders", Napi::Function::New<WaitForReadersAsync>(env, "waitForReaders"));
  exports.Set("slotHash", Napi::Function::New<SlotHash>(env, "slotHash"));
  exports.Set("interfaces", Napi::Function::New<Interfaces>(env, "interfaces"));
  exports.Set("announce", Napi::Function::New<Announce>(env, "announce"));
  exports.Set("notifyService", Napi::Function::New<NotifyService>(env, "notifyService"));
  exports.Set("socketHolder", Napi::Function::New<SocketHolder>(env, "socketHolder"));
  exports.Set("tearDown", Napi::Function::New<TearDown>(env, "tearDown"));
  exports.Set("xdpProgram", Napi::Function::New<XdpProgram>(env, "xdpProgram"));
  exports.Set("now", Napi::Function::New<Now>(env, "now"));
  return exports;
}

}  // namespace

}  // namespace distributor

Napi::Object InitAddon(Napi::Env env, Napi::Object exports) {
  return distributor::Init(env, exports);
}
NODE_API_MODULE(distributor, InitAddon)

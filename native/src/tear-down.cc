// SPDX-License-Identifier: Apache-2.0
#include "tear-down.h"

#include <filesystem>

#include "arguments.h"
#include "errors.h"
#include "group-address.h"
#include "neighbour.h"
#include "pins.h"

namespace distributor {

Napi::Value TearDown(const Napi::CallbackInfo& info) {
  std::string directory = StringAt(info[0].As<Napi::Object>(), "pins");
  size_t ports = 0, groups = 0, neighbours = 0;
  Guard(info.Env(), [&] {
    if (std::filesystem::exists(directory)) {
      Pins pins(directory);
      ports = pins.Ports().size();
      pins.RemoveAll();
    }
    NetlinkSocket socket;
    for (const SolicitedNode& group : GroupAddresses(socket)) {
      RemoveGroupAddress(socket, group);
      groups++;
    }
    neighbours = ForgetLeftovers(socket);
  });
  auto result = Napi::Object::New(info.Env());
  result.Set("ports", static_cast<double>(ports));
  result.Set("groups", static_cast<double>(groups));
  result.Set("neighbours", static_cast<double>(neighbours));
  return result;
}

}  // namespace distributor

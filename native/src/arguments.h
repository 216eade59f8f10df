// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads plain JavaScript values into the ABI's types. A missing or malformed field throws
// a TypeError that names it; nothing is optional.

#include <napi.h>

#include <array>
#include <string>

#include "abi.h"

namespace distributor {

using Mac = std::array<uint8_t, 6>;

uint32_t Uint32At(const Napi::Object& object, const char* field, uint32_t most = UINT32_MAX);
bool BoolAt(const Napi::Object& object, const char* field);
std::string StringAt(const Napi::Object& object, const char* field);
uint64_t Uint64At(const Napi::Object& object, const char* field);  // from a BigInt
dist_address AddressAt(const Napi::Object& object, const char* field);
Mac MacAt(const Napi::Object& object, const char* field);
dist_id IdAt(const Napi::Object& object, const char* field);  // a UUID in its usual form

std::string FormatMac(const uint8_t* mac);
std::string FormatId(const dist_id& id);
std::string FormatAddress(const dist_address& address);
bool IsIpv4(const dist_address& address);

}  // namespace distributor

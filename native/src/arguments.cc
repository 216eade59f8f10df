// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "errors.h"

namespace distributor {

namespace {

constexpr std::array<uint8_t, 12> kIpv4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

uint32_t Uint32At(const Napi::Object& object, const char* field, uint32_t most) {
  Napi::Value value = object.Get(field);
  double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (number < 0 || number > most || number != std::floor(number))
    throw ArgumentError(object.Env(), field,
                        "must be an integer from 0 to " + std::to_string(most));
  return static_cast<uint32_t>(number);
}

bool BoolAt(const Napi::Object& object, const char* field) {
  Napi::Value value = object.Get(field);
  if (!value.IsBoolean()) throw ArgumentError(object.Env(), field, "must be a boolean");
  return value.As<Napi::Boolean>();
}

std::string StringAt(const Napi::Object& object, const char* field) {
  Napi::Value value = object.Get(field);
  if (!value.IsString()) throw ArgumentError(object.Env(), field, "must be a string");
  return value.As<Napi::String>();
}

uint64_t Uint64At(const Napi::Object& object, const char* field) {
  Napi::Value value = object.Get(field);
  bool lossless = false;
  uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) throw ArgumentError(object.Env(), field, "must be a BigInt of 64 bits");
  return number;
}

dist_address AddressAt(const Napi::Object& object, const char* field) {
  std::string text = StringAt(object, field);
  dist_address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.byte) == 1) return address;
  std::copy(kIpv4Mapped.begin(), kIpv4Mapped.end(), address.byte);
  if (inet_pton(AF_INET, text.c_str(), address.byte + kIpv4Mapped.size()) == 1) return address;
  throw ArgumentError(object.Env(), field, "is not an IP address: " + text);
}

Mac MacAt(const Napi::Object& object, const char* field) {
  std::string text = StringAt(object, field);
  Mac mac{};
  int read = 0;
  int fields = std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1],
                           &mac[2], &mac[3], &mac[4], &mac[5], &read);
  // sscanf alone would take shorter octets and leading blanks.
  if (fields != 6 || static_cast<size_t>(read) != text.size() || text.size() != 17)
    throw ArgumentError(object.Env(), field, "is not a MAC address: " + text);
  return mac;
}

// Groups of hexadecimal digits, each followed by a hyphen but the last: 8-4-4-4-12.
dist_id IdAt(const Napi::Object& object, const char* field) {
  std::string text = StringAt(object, field);
  dist_id id{};
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); i++) {
    bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    auto digit = std::string_view("0123456789abcdef").find(text[i]);
    if (is_hyphen ? text[i] != '-' : digit == std::string_view::npos) break;
    if (is_hyphen) continue;
    if (digits < 2 * sizeof id.byte) id.byte[digits / 2] |= digit << (digits % 2 == 0 ? 4 : 0);
    digits++;
  }
  if (digits != 2 * sizeof id.byte || text.size() != 36)
    throw ArgumentError(object.Env(), field, "must be a UUID in lower case");
  return id;
}

std::string FormatId(const dist_id& id) {
  std::string text;
  for (size_t i = 0; i < sizeof id.byte; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    for (int digit : {id.byte[i] >> 4, id.byte[i] & 0xf}) text += "0123456789abcdef"[digit];
  }
  return text;
}

std::string FormatMac(const uint8_t* mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                mac[4], mac[5]);
  return text;
}

bool IsIpv4(const dist_address& address) {
  return std::equal(kIpv4Mapped.begin(), kIpv4Mapped.end(), address.byte);
}

std::string FormatAddress(const dist_address& address) {
  char text[INET6_ADDRSTRLEN];
  if (IsIpv4(address))
    inet_ntop(AF_INET, address.byte + kIpv4Mapped.size(), text, sizeof text);
  else
    inet_ntop(AF_INET6, address.byte, text, sizeof text);
  return text;
}

}  // namespace distributor

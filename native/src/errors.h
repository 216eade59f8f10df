// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

#include <stdexcept>
#include <string>

namespace distributor {

// A system call that failed, before it is a JavaScript error: `code` is the errno's name
// (EPERM), `details` what the kernel or libbpf said about it (the verifier's log).
class SystemError : public std::runtime_error {
 public:
  SystemError(std::string syscall, int error, std::string details = "");

  int number() const { return error_; }
  Napi::Error ToJs(Napi::Env env) const;

 private:
  std::string syscall_;
  int error_;
  std::string details_;
};

// Throws SystemError unless `result` is 0 or more; libbpf and errno conventions alike.
int Check(const char* syscall, int result);

// The closed set of codes that are not an errno's name.
Napi::Error ClosedError(Napi::Env env, const char* what);
Napi::TypeError ArgumentError(Napi::Env env, const std::string& field, const std::string& problem);

// Runs `body` and turns what it throws into a JavaScript error.
template <typename Body>
auto Guard(Napi::Env env, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const SystemError& error) {
    throw error.ToJs(env);
  }
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "errors.h"

#include <cerrno>
#include <cstring>

namespace distributor {

SystemError::SystemError(std::string syscall, int error, std::string details)
    : std::runtime_error(syscall + ": " + std::strerror(error)),
      syscall_(std::move(syscall)),
      error_(error),
      details_(std::move(details)) {}

Napi::Error SystemError::ToJs(Napi::Env env) const {
  const char* name = strerrorname_np(error_);
  Napi::Error error = Napi::Error::New(env, what());
  error.Set("code", name ? name : "EUNKNOWN");
  error.Set("errno", Napi::Number::New(env, error_));
  error.Set("syscall", syscall_);
  error.Set("details", details_);
  return error;
}

int Check(const char* syscall, int result) {
  if (result >= 0) return result;
  throw SystemError(syscall, result == -1 ? errno : -result);
}

Napi::Error ClosedError(Napi::Env env, const char* what) {
  Napi::Error error = Napi::Error::New(env, std::string(what) + " is closed");
  error.Set("code", "CLOSED");
  return error;
}

Napi::TypeError ArgumentError(Napi::Env env, const std::string& field, const std::string& problem) {
  Napi::TypeError error = Napi::TypeError::New(env, field + ": " + problem);
  error.Set("code", "BAD_ARGUMENT");
  return error;
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "socket-holder.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>

#include "arguments.h"
#include "errors.h"
#include "file-descriptor.h"

namespace distributor {

Napi::Value SocketHolder(const Napi::CallbackInfo& info) {
  std::string name = StringAt(info[0].As<Napi::Object>(), "name");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path)
    throw ArgumentError(info.Env(), "name", "is longer than a socket's name can be");
  name.copy(address.sun_path + 1, name.size());  // an abstract one begins with 0
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ucred holder{};
  bool is_found = Guard(info.Env(), [&] {
    FileDescriptor socket(
        Check("socket", ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) < 0) {
      if (errno == ECONNREFUSED || errno == EAGAIN) return false;
      throw SystemError("connect", errno);
    }
    socklen_t size = sizeof holder;
    Check("getsockopt", getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &holder, &size));
    return true;
  });
  if (!is_found) return info.Env().Null();
  auto result = Napi::Object::New(info.Env());
  result.Set("pid", holder.pid);
  result.Set("uid", holder.uid);
  return result;
}

}  // namespace distributor

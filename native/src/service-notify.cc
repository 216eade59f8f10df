// SPDX-License-Identifier: Apache-2.0
#include "service-notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "arguments.h"
#include "errors.h"
#include "file-descriptor.h"

namespace distributor {

void NotifyService(const Napi::CallbackInfo& info) {
  auto object = info[0].As<Napi::Object>();
  std::string name = StringAt(object, "socket");
  std::string state = StringAt(object, "state");
  sockaddr_un to{.sun_family = AF_UNIX, .sun_path = {}};
  if (name.size() < 2 || (name[0] != '/' && name[0] != '@') || name.size() >= sizeof to.sun_path)
    throw ArgumentError(info.Env(), "socket", "is no unix socket's address: " + name);
  std::memcpy(to.sun_path, name.data(), name.size());
  if (name[0] == '@') to.sun_path[0] = '\0';
  // An abstract name is exactly so long; a path ends with its zero.
  auto length = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '/' ? 1 : 0);
  Guard(info.Env(), [&] {
    FileDescriptor socket(Check("socket(unix)", ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    // The event loop does not wait: who is told finds its queue full, and the next state replaces
    // it.
    Check("sendto(notify)",
          static_cast<int>(sendto(socket.get(), state.data(), state.size(),
                                  MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to),
                                  static_cast<socklen_t>(length))));
  });
}

}  // namespace distributor

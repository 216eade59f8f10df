// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <functional>

namespace distributor {

// A rtnetlink socket, closed with *this. Errors are thrown as SystemError.
class NetlinkSocket {
 public:
  explicit NetlinkSocket(unsigned int groups = 0);
  ~NetlinkSocket();
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  int fd() const { return mnl_socket_get_fd(socket_); }

  using OnMessage = std::function<void(const nlmsghdr&)>;

  // Sends one request and waits for its end; `what` names it in an error.
  void Request(const char* what, nlmsghdr& request, const OnMessage& on_message = nullptr);

  // Handles one datagram of notifications. False if the kernel had to drop some.
  bool Receive(const OnMessage& on_message);

 private:
  mnl_socket* socket_;
  unsigned int sequence_ = 0;
};

}  // namespace distributor

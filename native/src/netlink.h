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

// Calls with each attribute behind the `header_size` bytes of the message's own header.
template <typename Visit>
void ForEachAttribute(const nlmsghdr& message, size_t header_size, Visit visit) {
  auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(&message, header_size));
  auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(&message));
  for (; mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)));
       attribute = mnl_attr_next(attribute))
    visit(*attribute);
}

}  // namespace distributor

// SPDX-License-Identifier: Apache-2.0
#include "netlink.h"

#include <cerrno>
#include <vector>

#include "errors.h"

namespace distributor {

namespace {

constexpr size_t kBufferSize = 32768;  // the kernel's largest dump message

int Deliver(const nlmsghdr* message, void* on_message) {
  auto& deliver = *static_cast<const NetlinkSocket::OnMessage*>(on_message);
  if (deliver) deliver(*message);
  return MNL_CB_OK;
}

}  // namespace

NetlinkSocket::NetlinkSocket(unsigned int groups)
    : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
  if (!socket_) throw SystemError("socket(netlink)", errno);
  if (mnl_socket_bind(socket_, groups, MNL_SOCKET_AUTOPID) < 0) {
    int error = errno;
    mnl_socket_close(socket_);
    throw SystemError("bind(netlink)", error);
  }
}

NetlinkSocket::~NetlinkSocket() { mnl_socket_close(socket_); }

void NetlinkSocket::Request(const char* what, nlmsghdr& request, const OnMessage& on_message) {
  request.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  request.nlmsg_seq = ++sequence_;
  Check(what, static_cast<int>(mnl_socket_sendto(socket_, &request, request.nlmsg_len)));
  std::vector<char> buffer(kBufferSize);
  for (int state = MNL_CB_OK; state > MNL_CB_STOP;) {
    auto length = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
    Check(what, static_cast<int>(length));
    state = mnl_cb_run(buffer.data(), length, sequence_, mnl_socket_get_portid(socket_), Deliver,
                       const_cast<OnMessage*>(&on_message));
    Check(what, state);
  }
}

bool NetlinkSocket::Receive(const OnMessage& on_message) {
  std::vector<char> buffer(kBufferSize);
  auto length = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
  if (length < 0) return errno != ENOBUFS;
  mnl_cb_run(buffer.data(), length, 0, 0, Deliver, const_cast<OnMessage*>(&on_message));
  return true;
}

}  // namespace distributor

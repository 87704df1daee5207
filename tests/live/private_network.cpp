#include "tests/live/private_network.hpp"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace tapline {

namespace {

void need(bool succeeded, const std::string& what) {
  if (!succeeded) throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// So that frames sent one after the other wait in the receive queue of one processor, in that order.
void stay_on_one_processor() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  CPU_SET(sched_getcpu(), &processors);
  need(sched_setaffinity(0, sizeof processors, &processors) == 0, "sched_setaffinity");
}

/// Until the kernel has seen the link, what is sent is dropped without a word.
void wait_for_link(const std::string& interface) {
  const int any_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  bool running = false;
  for (int tries = 0; tries < 1000 && !running; ++tries) {
    if (tries > 0) usleep(10'000);
    running = ioctl(any_socket, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
  }
  close(any_socket);
  need(running, "link of " + interface);
}

}  // namespace

bool PrivateNetwork::ip(const std::string& arguments) {
  return std::system(("ip " + arguments + " 2>/dev/null").c_str()) == 0;
}

std::optional<std::string> PrivateNetwork::why_not() {
  if (!ip("-Version >/dev/null")) return "ip (iproute2) is not installed";
  if (std::system("unshare --net ip link add tap0 type veth peer name wire0 2>/dev/null") != 0) {
    return "no permission for network namespaces with a veth pair (CAP_SYS_ADMIN, CAP_NET_ADMIN)";
  }
  const int packet_socket = socket(AF_PACKET, SOCK_RAW, 0);
  if (packet_socket < 0) return "no permission for packet sockets (CAP_NET_RAW)";
  close(packet_socket);
  return std::nullopt;
}

PrivateNetwork::PrivateNetwork() : original_namespace_(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
  need(original_namespace_ >= 0, "/proc/self/ns/net");
  need(unshare(CLONE_NEWNET) == 0, "unshare");
  std::ofstream("/proc/sys/net/ipv6/conf/default/disable_ipv6") << 1;
  std::ofstream("/proc/sys/net/ipv6/conf/all/disable_ipv6") << 1;
  add_veth_pair();
  stay_on_one_processor();
}

PrivateNetwork::~PrivateNetwork() {
  if (setns(original_namespace_, CLONE_NEWNET) != 0) std::abort();  // later cases would test something else
  close(original_namespace_);
}

void PrivateNetwork::add_veth_pair() const {
  need(ip("link add tap0 mtu 9000 type veth peer name wire0 mtu 9000"), "ip link add");
  need(ip("link set tap0 up") && ip("link set wire0 up"), "ip link set up");
  wait_for_link("tap0");
  wait_for_link("wire0");
}

RawSender::RawSender(const std::string& interface) : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  need(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind " + interface);
}

RawSender::~RawSender() {
  close(socket_);
}

bool RawSender::send(const FrameBytes& frame) const {
  return ::send(socket_, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

TunInterface::TunInterface(const std::string& name) : device_(open("/dev/net/tun", O_RDWR | O_CLOEXEC)) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (device_ < 0) return;
  need(ioctl(device_, TUNSETIFF, &request) == 0, "TUNSETIFF");
  need(PrivateNetwork::ip("link set " + name + " up"), "ip link set up");
}

TunInterface::~TunInterface() {
  if (device_ >= 0) close(device_);
}

bool TunInterface::receive(const FrameBytes& packet) const {
  return write(device_, packet.data(), packet.size()) == static_cast<ssize_t>(packet.size());
}

}  // namespace tapline

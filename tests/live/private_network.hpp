#pragma once
// A network namespace of this process alone, with a veth pair tap0 - wire0 in it, and raw frames to send. The
// namespace has no name, no other process is in it, and it ends with the object: the process goes back to
// where it was.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapline {

using FrameBytes = std::vector<std::uint8_t>;

class PrivateNetwork {
 public:
  /// Nothing where network namespaces can be made here; else the reason.
  static std::optional<std::string> why_not();

  /// Both ends up, with an MTU of 9,000 bytes, without IPv6 (whose neighbour discovery would send frames of
  /// its own).
  PrivateNetwork();
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;
  ~PrivateNetwork();

  void add_veth_pair() const;
  /// Runs `ip` with these arguments; whether it succeeded.
  static bool ip(const std::string& arguments);

 private:
  int original_namespace_;
};

/// Sends frames as they are; the kernel checks that the interface can carry them.
class RawSender {
 public:
  explicit RawSender(const std::string& interface);
  RawSender(const RawSender&) = delete;
  RawSender& operator=(const RawSender&) = delete;
  ~RawSender();
  bool send(const FrameBytes& frame) const;

 private:
  int socket_;
};

/// A tun interface, up, without an address: carries plain IP.
class TunInterface {
 public:
  explicit TunInterface(const std::string& name);
  TunInterface(const TunInterface&) = delete;
  TunInterface& operator=(const TunInterface&) = delete;
  ~TunInterface();
  bool is_open() const { return device_ >= 0; }
  /// The interface receives this packet.
  bool receive(const FrameBytes& packet) const;

 private:
  int device_;
};

}  // namespace tapline

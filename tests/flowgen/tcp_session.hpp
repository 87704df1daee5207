#pragma once
// A TCP session written down segment by segment, observed by the tracker.

#include <array>
#include <string>

#include "flowgen/conn_state.hpp"
#include "flowgen/tcp_tracker.hpp"
#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {

/// A session between A, who opens it, and B.
class TcpSession {
 public:
  explicit TcpSession(Direction opener = Direction::kAToB) { begin_tcp(state, opener); }

  TcpSession& a(int flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload = 0,
                std::uint16_t window = 1000) {
    return send(Direction::kAToB, flags, seq, ack, payload, window);
  }
  TcpSession& b(int flags, std::uint32_t seq, std::uint32_t ack, std::uint32_t payload = 0,
                std::uint16_t window = 1000) {
    return send(Direction::kBToA, flags, seq, ack, payload, window);
  }
  TcpSession& after(TimeNs ns) {
    now_ns += ns;
    return *this;
  }
  /// The three segments that open it: A's data begins at 101, B's at 501.
  TcpSession& open() {
    return a(kSyn, 100, 0).after(20 * kMs).b(kSyn | kAck, 500, 101).after(3 * kMs).a(kAck, 101, 501);
  }

  std::string history(bool flipped = false) const { return state.history.text(Direction::kAToB, flipped); }
  std::string conn(bool no_payload = false) const {
    return conn_state_name(tcp_conn_state(state, Direction::kAToB, no_payload));
  }
  std::uint64_t gap(Direction direction) const {
    const auto mine = static_cast<std::size_t>(direction);
    return gap_bytes(state, direction, sequences[mine], sequences[1 - mine], true);
  }

  TcpState state;
  std::array<TcpSequence, 2> sequences{};
  TimeNs now_ns = kStart;

 private:
  TcpSession& send(Direction direction, int flags, std::uint32_t seq, std::uint32_t ack,
                   std::uint32_t payload, std::uint16_t window) {
    observe_tcp(state, {&sequences[0], &sequences[1]}, direction,
                {now_ns, seq, ack, payload, window, static_cast<std::uint8_t>(flags)});
    return *this;
  }
};

}  // namespace tapline::flowgen

// The TCP tracker as the flow table uses it, which leaves out what tells nothing and keeps the first segment
// in the flow's entry, against a tracker that observes every segment: both must say the same.
//
// Input: segments. Each is a byte of choices (below), one of time (milliseconds, less 16), one of flags, one
// of payload; then four bytes for each of sequence and acknowledgment number that is not the one that
// continues the streams: the distance from that.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "capture/base/byte_reader.hpp"
#include "capture/base/time_window.hpp"
#include "flowgen/conn_state.hpp"
#include "flowgen/first_segment.hpp"
#include "flowgen/tcp_tracker.hpp"

using namespace tapline;
using namespace tapline::flowgen;

namespace {

enum Choice : std::uint8_t {
  kFromB = 1 << 0,
  kOddSeq = 1 << 1,
  kOddAck = 1 << 2,
  kClosedWindow = 1 << 3,
  kLongPayload = 1 << 4,
  kAskedByTime = 1 << 5,  // the table observes a segment for reasons that are not the tracker's
  kPlainFlags = 1 << 6,   // ACK, whatever the byte of flags says
};

constexpr std::uint8_t kSeenAcknowledgment = 1 << 7;  // of TcpSide::seen: TcpSequence::acked is valid

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "tcp_tracker_fuzz: %s\n", what);
  std::abort();
}

struct Observed {
  TcpState tcp{};
  std::array<TcpSequence, 2> sequences{};
};

/// Observes everything.
class Thorough {
 public:
  void add(Direction direction, const TcpSegment& segment) {
    if (!begun_) begin_tcp(all.tcp, is_syn_ack(segment.flags) ? opposite(direction) : direction);
    begun_ = true;
    observe_tcp(all.tcp, {&all.sequences[0], &all.sequences[1]}, direction, segment);
  }

  Observed all;

 private:
  bool begun_ = false;
};

/// Does what FlowTable::State does with a session's segments: is_rare, count_frame, note_segment.
class Sparing {
 public:
  void add(Direction direction, const TcpSegment& segment, bool asked_by_time) {
    DirectionLine& line = line_of(entry, direction);
    const bool first_frame = entry.directions[0].packets == 0 && entry.directions[1].packets == 0;
    const std::uint64_t plain = segment.payload_bytes != 0 ? kPlainPayload : kPlainAck;
    if (first_frame)
      keep_first(direction, line, segment);
    else if (asked_by_time || line.packets == 0 || (line.tcp_plain & plain) == 0 ||
             !is_expected(line.tcp, segment))
      observe(direction, segment);
    else
      take_expected(line.tcp, segment);
    line.packets = line.packets + 1;
    line.payload_bytes = (line.payload_bytes + segment.payload_bytes) & low_bits(kBytesBits);
  }

  /// Of a session of one segment, too.
  Observed result() const {
    FlowEntry copy = entry;
    TcpSlab copied = slab;
    if (!tracked_) replay_first_segment(copy, copied);
    return {copied.tcp, {copy.directions[0].tcp, copy.directions[1].tcp}};
  }

  FlowEntry entry{};
  TcpSlab slab{};

 private:
  void keep_first(Direction direction, DirectionLine& line, const TcpSegment& segment) {
    entry.cold.begin_ns = segment.time_ns;
    entry.cold.first_direction = static_cast<std::uint64_t>(direction) & 1;
    line.tcp_flags_first = segment.flags;
    keep_first_segment(entry, segment, SynSignature{});
  }

  void observe(Direction direction, const TcpSegment& segment) {
    if (!tracked_) replay_first_segment(entry, slab);
    tracked_ = true;
    observe_tcp(slab.tcp, {&entry.directions[0].tcp, &entry.directions[1].tcp}, direction, segment);
    entry.directions[0].tcp_plain = plain_segments(slab.tcp, Direction::kAToB) & 3;
    entry.directions[1].tcp_plain = plain_segments(slab.tcp, Direction::kBToA) & 3;
  }

  bool tracked_ = false;
};

void compare_sides(const Observed& all, const Observed& some, Direction direction) {
  const auto mine = static_cast<std::size_t>(direction);
  const TcpSide& a = all.tcp.sides[mine];
  const TcpSide& b = some.tcp.sides[mine];
  require(all.sequences[mine].next == some.sequences[mine].next, "next number");
  require(a.seen == b.seen, "what was seen of a side");
  require((a.seen & kSeenAcknowledgment) == 0 || all.sequences[mine].acked == some.sequences[mine].acked,
          "acknowledged number");
  require(a.start == b.start && a.last_syn == b.last_syn && a.last_fin == b.last_fin &&
              a.last_reset == b.last_reset,
          "numbers of SYN, FIN, RST");
  const std::uint32_t end = all.sequences[mine].next;
  require(a.holes.bytes_below(end) == b.holes.bytes_below(end) && a.holes.empty() == b.holes.empty() &&
              a.gaps == b.gaps,
          "holes");
  require(a.retransmitted_bytes == b.retransmitted_bytes &&
              a.retransmitted_packets == b.retransmitted_packets &&
              a.out_of_order_packets == b.out_of_order_packets,
          "retransmissions");
  require(a.zero_windows == b.zero_windows, "closed windows");
  require(a.bad_checksums == b.bad_checksums, "wrong checksums");
  require(a.state == b.state && a.state_before == b.state_before, "state of a side");
  const auto gaps_of = [&](const Observed& observed) {
    return gap_bytes(observed.tcp, direction, observed.sequences[mine], observed.sequences[1 - mine], true);
  };
  require(gaps_of(all) == gaps_of(some), "gap bytes");
}

void compare(const Observed& all, const Observed& some) {
  compare_sides(all, some, Direction::kAToB);
  compare_sides(all, some, Direction::kBToA);
  require(all.tcp.history.text(Direction::kAToB, false) == some.tcp.history.text(Direction::kAToB, false),
          "history");
  require(all.tcp.has_syn == some.tcp.has_syn && all.tcp.first_syn == some.tcp.first_syn, "first SYN");
  require(all.tcp.opener == some.tcp.opener, "opener");
  require(all.tcp.stage == some.tcp.stage && all.tcp.waiting_since_ns == some.tcp.waiting_since_ns &&
              all.tcp.rtt_server_ns == some.tcp.rtt_server_ns &&
              all.tcp.rtt_client_ns == some.tcp.rtt_client_ns && all.tcp.response_ns == some.tcp.response_ns,
          "round trips");
  for (const Direction originator : {Direction::kAToB, Direction::kBToA})
    require(tcp_conn_state(all.tcp, originator, false) == tcp_conn_state(some.tcp, originator, false),
            "connection state");
}

TcpSegment read_segment(ByteReader& input, std::uint8_t choices, std::uint8_t elapsed, TimeNs now_ns,
                        const std::array<TcpSequence, 2>& sequences) {
  const std::size_t mine = (choices & kFromB) != 0 ? 1 : 0;
  const auto flags = input.read<std::uint8_t>();
  const std::uint32_t payload_bytes =
      input.read<std::uint8_t>() * ((choices & kLongPayload) != 0 ? 257u : 1u);
  TcpSegment segment{now_ns, sequences[mine].next, sequences[1 - mine].next, payload_bytes, 1000, flags};
  if ((choices & kPlainFlags) != 0) segment.flags = kTcpAck;
  if ((choices & kOddSeq) != 0) segment.seq += input.read<std::uint32_t>();
  if ((choices & kOddAck) != 0) segment.ack += input.read<std::uint32_t>();
  if ((choices & kClosedWindow) != 0) segment.window = 0;
  segment.bad_checksum = elapsed >= 240;
  return segment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(Bytes(data, size));
  Thorough thorough;
  Sparing sparing;
  TimeNs now_ns = 0;
  while (input.ok() && input.remaining() > 0) {
    const auto choices = input.read<std::uint8_t>();
    const std::uint8_t elapsed = input.read<std::uint8_t>();
    now_ns += (elapsed - 16) * kNsPerMillisecond;
    const TcpSegment segment = read_segment(input, choices, elapsed, now_ns, thorough.all.sequences);
    const Direction direction = (choices & kFromB) != 0 ? Direction::kBToA : Direction::kAToB;
    thorough.add(direction, segment);
    sparing.add(direction, segment, (choices & kAskedByTime) != 0);
    compare(thorough.all, sparing.result());
  }
  return 0;
}

// Following one session: what belongs to it without being of its five-tuple.

#include "capture/packet/decode.hpp"
#include "capture/packet/uid.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/open_run.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

enum class Part { kWhole, kFirst, kLater };

/// Of datagrams from one port to another; the fragments are of one datagram.
storage::TestFrame datagram_frame(Part part, std::uint64_t number) {
  PacketBuilder packet;
  packet.eth().ipv4("10.0.0.5", "203.0.113.9",
                    {.id = static_cast<std::uint16_t>(part == Part::kWhole ? 1 : 7),
                     .fragment_offset = static_cast<std::uint16_t>(part == Part::kLater ? 1480 : 0),
                     .more_fragments = part == Part::kFirst});
  if (part == Part::kLater)
    packet.ip_proto(kIpProtoUdp).payload(100);
  else
    packet.udp(4000, 9999).payload(part == Part::kFirst ? 1472 : 20);
  storage::TestFrame frame;
  frame.bytes = packet.bytes();
  frame.wire_bytes = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = time_of(number);
  frame.order = {frame.time_ns, 0};
  return frame;
}

/// A session that goes on, and of which only this frame was counted.
SessionRecord open_session(const storage::TestFrame& opening) {
  const Frame frame = opening.view();
  PacketMeta meta;
  decode(frame, meta);
  SessionRecord record;
  record.originator = make_flow_key(frame, meta, 0, record.key);
  record.first_ns = record.last_ns = record.delta_first_ns = record.delta_last_ns = frame.time_ns;
  record.end_reason = EndReason::kOpen;
  record.first_order = opening.order;
  record.uid = make_uid(1, record.key, record.first_ns, record.first_order);
  return record;
}

}  // namespace

TEST_CASE("a session that is followed has the fragments that were published before their first one") {
  OpenRun run;
  const SessionRecord session = open_session(datagram_frame(Part::kWhole, 0));
  storage::SessionFileConfig records;
  records.file.directory = run->sessions_directory();
  storage::SessionFileWriter sessions(records);
  must(sessions.append(session));
  must(sessions.flush());
  auto second = small_files(*run, 1u << 20);
  second.worker = 1;
  storage::FrameSegmentWriter other(second);
  storage::TestPipeline other_pipeline(other);

  run.append(datagram_frame(Part::kWhole, 0));
  must(other_pipeline.append(datagram_frame(Part::kLater, 10)));
  must(other.finish());
  run.say_complete(5);
  Following following = must(Following::start(*run, ask_flow(session.uid), {}));
  CHECK(take(following) == std::vector<std::uint64_t>{0});
  run.append(datagram_frame(Part::kFirst, 9));
  run.append(datagram_frame(Part::kWhole, 20));
  run.say_complete(30);
  CHECK(look_and_take(following) == std::vector<std::uint64_t>{9, 10, 20});
}

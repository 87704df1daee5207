// From a session to exactly its packets: by uid, by side, with padding, by what its record says.

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "capture/packet/decode.hpp"
#include "capture/packet/packet_layers.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/query/store_answer.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
constexpr TimeNs kSecond = kNsPerSecond;

OwnedFrame request(TimeNs time_ns, std::uint16_t port = 4000) {
  return owned(PacketBuilder().eth().ipv4("10.0.0.5", "203.0.113.9").udp(port, 9999).payload(50).bytes(),
               time_ns);
}
OwnedFrame reply(TimeNs time_ns, std::uint16_t port = 4000) {
  return owned(PacketBuilder().eth().ipv4("203.0.113.9", "10.0.0.5").udp(9999, port).payload(500).bytes(),
               time_ns);
}

/// The five-tuple of port 4000 at 0 to 1 s and again at 300 to 301 s, another without replies in between.
std::vector<OwnedFrame> conversations() {
  return {request(kStart),
          reply(kStart + kSecond / 2),
          request(kStart + kSecond),
          request(kStart + 2 * kSecond, 4001),
          request(kStart + 3 * kSecond, 4001),
          request(kStart + 300 * kSecond),
          reply(kStart + 301 * kSecond)};
}

/// The uid of the n-th session by first time.
Uid uid_of(const storage::Store& store, std::size_t number) {
  std::vector<SessionRecord> sessions = read_sessions(store);
  std::erase_if(sessions, [](const SessionRecord& session) { return !session.final(); });
  std::ranges::sort(sessions, {}, &SessionRecord::first_ns);
  return sessions.at(number).uid;
}

std::vector<OwnedFrame> pick(std::initializer_list<std::size_t> numbers) {
  const std::vector<OwnedFrame> all = conversations();
  std::vector<OwnedFrame> picked;
  for (const std::size_t number : numbers) picked.push_back(all.at(number));
  return picked;
}

/// The store as it is while sessions run: of each only the records before `until_ns` are on the disk.
void forget_records(const storage::Store& store, TimeNs until_ns) {
  const std::vector<SessionRecord> records = read_sessions(store);
  for (const storage::CatalogFile& file : scan(store).sessions) std::filesystem::remove(file.path);
  storage::SessionFileConfig config;
  config.file.directory = store.sessions_directory();
  storage::SessionFileWriter writer(config);
  for (const SessionRecord& record : records) {
    if (!record.final() && record.delta_last_ns < until_ns) must(writer.append(record));
  }
  must(writer.flush());
}

struct Decoded {
  Frame frame;
  PacketMeta meta{};

  explicit Decoded(const OwnedFrame& owned) {
    frame.data = owned.bytes.data();
    frame.captured_bytes = static_cast<std::uint32_t>(owned.bytes.size());
    frame.wire_bytes = owned.wire_bytes;
    frame.link_type = owned.link_type;
    decode(frame, meta);
  }
};
/// Packets of this key within a frame.
std::uint64_t packets_of(const FlowKey& key, const OwnedFrame& owned) {
  const Decoded decoded(owned);
  std::uint64_t packets = 0;
  any_packet(decoded.frame, decoded.meta, [&](const Frame& frame, const PacketMeta& meta) {
    FlowKey own;
    if (meta.status == DecodeStatus::kIp) make_flow_key(frame, meta, key.link, own);
    packets += own == key ? 1 : 0;
    return false;
  });
  return packets;
}
bool has_later_fragment(const OwnedFrame& owned) {
  const Decoded decoded(owned);
  return any_packet(decoded.frame, decoded.meta,
                    [](const Frame&, const PacketMeta& meta) { return meta.has(kMetaLaterFragment); });
}

/// An upload with a frame every second for 130 s.
std::vector<OwnedFrame> upload() {
  std::vector<OwnedFrame> frames;
  for (int i = 0; i < 130; ++i) frames.push_back(request(kStart + i * kSecond));
  return frames;
}

}  // namespace

TEST_CASE("a uid gives its session's frames and not those of another one of the same five-tuple") {
  const TestStore store;
  record(*store, conversations());
  CHECK(extract(*store, ask_flow(uid_of(*store, 0))).frames == pick({0, 1, 2}));
  CHECK(extract(*store, ask_flow(uid_of(*store, 1))).frames == pick({3, 4}));
  CHECK(extract(*store, ask_flow(uid_of(*store, 2))).frames == pick({5, 6}));
}

TEST_CASE("a uid as the whole filter asks the same") {
  const TestStore store;
  record(*store, conversations());
  CHECK(extract(*store, ask(format_uid(uid_of(*store, 2)))).frames == pick({5, 6}));
}

TEST_CASE("a uid with a filter gives those of its frames that match") {
  const TestStore store;
  record(*store, conversations());
  PacketQuestion question = ask("src host 203.0.113.9");
  question.flow = uid_of(*store, 0);
  CHECK(extract(*store, question).frames == pick({1}));
}

TEST_CASE("a uid within a window gives its frames of the window") {
  const TestStore store;
  record(*store, conversations());
  PacketQuestion question = ask_flow(uid_of(*store, 0));
  question.window = {kStart + kSecond / 2, kStart + kSecond};
  CHECK(extract(*store, question).frames == pick({1}));
}

TEST_CASE("a uid that the store does not have is not found, and the message names it") {
  const TestStore store;
  record(*store, conversations());
  const Uid unknown{};
  const Result<Extraction> extraction = Extraction::prepare(*store, ask_flow(unknown));
  REQUIRE_FALSE(extraction.ok());
  CHECK(extraction.error().code == ErrorCode::kNotFound);
  CHECK(extraction.error().context.find(format_uid(unknown)) != std::string::npos);
}

TEST_CASE("a side is the originator's or the responder's") {
  const TestStore store;
  record(*store, conversations());
  const Uid uid = uid_of(*store, 0);
  CHECK(extract(*store, ask_flow(uid, SessionSide::kOriginator)).frames == pick({0, 2}));
  CHECK(extract(*store, ask_flow(uid, SessionSide::kResponder)).frames == pick({1}));
}

TEST_CASE("a side without sessions is refused and the message names the remedy") {
  const TestStore store;
  record(*store, conversations());
  PacketQuestion question = ask("udp");
  question.side = SessionSide::kResponder;
  const Result<Extraction> extraction = Extraction::prepare(*store, question);
  REQUIRE_FALSE(extraction.ok());
  CHECK(extraction.error().code == ErrorCode::kInvalid);
  CHECK(extraction.error().context.find("--flow") != std::string::npos);
}

TEST_CASE("padding reaches frames of the five-tuple so long before and after, ends included") {
  const TestStore store;
  record(*store, conversations());
  const Uid uid = uid_of(*store, 2);
  CHECK(extract(*store, ask_flow(uid, SessionSide::kBoth, 299 * kSecond - 1)).frames == pick({5, 6}));
  CHECK(extract(*store, ask_flow(uid, SessionSide::kBoth, 299 * kSecond)).frames == pick({2, 5, 6}));
  CHECK(extract(*store, ask_flow(uid, SessionSide::kBoth, TimeWindow::kUnlimitedUntil)).frames ==
        pick({0, 1, 2, 5, 6}));
}

TEST_CASE("what a record says selects the frames of its session") {
  const TestStore store;
  record(*store, conversations());
  CHECK(extract(*store, ask("resp_packets = 0")).frames == pick({3, 4}));
  CHECK(extract(*store, ask("resp_packets > 0")).frames == pick({0, 1, 2, 5, 6}));
  CHECK(extract(*store, ask("orig_packets = 2 and resp_packets = 1")).frames == pick({0, 1, 2}));
  CHECK(extract(*store, ask("resp_packets > 1000")).frames.empty());
}

TEST_CASE("session words and packet words hold together") {
  const TestStore store;
  record(*store, conversations());
  CHECK(extract(*store, ask("resp_packets > 0 and src host 10.0.0.5")).frames == pick({0, 2, 5}));
}

TEST_CASE("a session word with a side gives one direction of each session") {
  const TestStore store;
  record(*store, conversations());
  PacketQuestion question = ask("resp_packets > 0");
  question.side = SessionSide::kResponder;
  CHECK(extract(*store, question).frames == pick({1, 6}));
}

TEST_CASE("what tells one frame of a session from another leaves no session out") {
  const TestStore store;
  record(*store, conversations());
  CHECK(extract(*store, ask("resp_packets > 0 and src host 203.0.113.9")).frames == pick({1, 6}));
  CHECK(extract(*store, ask("resp_packets > 0 and not src host 10.0.0.5")).frames == pick({1, 6}));
  CHECK(extract(*store, ask("resp_packets > 0 and src port 9999")).frames == pick({1, 6}));
  CHECK(extract(*store, ask("resp_packets > 0 and greater 300")).frames == pick({1, 6}));
}

TEST_CASE("a tag that its record does not name leaves no session out") {
  const TestStore store;
  const auto tagged = [](std::uint16_t vlan, TimeNs time_ns) {
    return owned(PacketBuilder()
                     .eth()
                     .vlan(vlan)
                     .ipv4("10.0.0.5", "203.0.113.9", {.id = vlan})
                     .udp(4000, 9999)
                     .bytes(),
                 time_ns);
  };
  const std::vector<OwnedFrame> frames = {tagged(7, kStart), tagged(8, kStart + 1), request(kStart + 2)};
  record(*store, frames);
  CHECK(extract(*store, ask("packets = 3 and vlan 8")).frames == std::vector{frames[1]});
  CHECK(extract(*store, ask("packets = 3 and not vlan")).frames == std::vector{frames[2]});
}

TEST_CASE("a session that goes on has the frames that no record counts yet") {
  const TestStore store;
  const std::vector<OwnedFrame> frames = upload();
  record(*store, frames);
  const Uid uid = uid_of(*store, 0);
  forget_records(*store, kStart + 30 * kSecond);
  REQUIRE(read_sessions(*store).size() >= 2);
  CHECK(extract(*store, ask_flow(uid)).frames == frames);
  CHECK(extract(*store, ask(format_uid(uid))).frames == frames);
  CHECK(extract(*store, ask("orig_packets > 0")).frames == frames);
  CHECK(extract(*store, ask("orig_packets > 0", {kStart + 100 * kSecond, kStart + 102 * kSecond})).frames ==
        std::vector{frames[100], frames[101]});
}

TEST_CASE("a session has the copies of its frames, too") {
  const TestStore store;
  const auto seen = [](std::uint8_t ttl, TimeNs time_ns) {
    return owned(PacketBuilder()
                     .eth()
                     .ipv4("10.0.0.5", "203.0.113.9", {.ttl = ttl, .id = 5})
                     .udp(4000, 9999)
                     .payload(10)
                     .bytes(),
                 time_ns);
  };
  const std::vector<OwnedFrame> frames = {seen(64, kStart), seen(63, kStart + 1000)};
  record(*store, frames);
  CHECK(extract(*store, ask("packets = 1 and duplicate_packets = 1")).frames == frames);
}

TEST_CASE("every session of random traffic has exactly the frames that its record counts") {
  const std::uint64_t seed = GENERATE(31u, 32u);
  CAPTURE(seed);
  const TestStore store;
  record(*store, random_traffic(seed, 1500), small_segments());
  std::uint64_t frames = 0;
  for (const SessionRecord& session : read_sessions(*store)) {
    if (!session.final()) continue;
    CAPTURE(format_uid(session.uid));
    const std::uint64_t counted = session.a_to_b.total.packets + session.b_to_a.total.packets;
    const std::vector<OwnedFrame> found = extract(*store, ask_flow(session.uid)).frames;
    // Others are tied to it: errors, and fragments, of which it counts those that came behind their first
    // one.
    std::uint64_t own = 0;
    for (const OwnedFrame& frame : found) own += packets_of(session.key, frame);
    const bool fragments = std::ranges::any_of(found, has_later_fragment);
    if (fragments)
      REQUIRE((own <= counted && counted <= found.size()));
    else
      REQUIRE(own == counted);
    frames += own;
  }
  CHECK(frames > 1000);
}

#include "tests/sensor/live_run.hpp"

#include <algorithm>
#include <array>

#include "capture/packet/checksum.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/packet_layers.hpp"
#include "tests/packet/packet_builder.hpp"
#include "tests/storage/traffic.hpp"

namespace tapline::test {
namespace {

using namespace tapline::storage;

constexpr TimeNs kStart = 1'767'225'600 * kNsPerSecond;
constexpr std::uint32_t kPolicyBytes = 80;  // the simulated policy cuts every fifth flow's frames to this

/// One conversation, frame by frame.
class Conversation {
 public:
  Conversation(std::mt19937_64& random, TimeNs now_ns, std::vector<OwnedFrame>& frames)
      : random_(random), now_ns_(now_ns), frames_(frames) {
    client_ = "10.0.0." + std::to_string(1 + pick(5));
    server_ = "192.0.2." + std::to_string(1 + pick(3));
    client_port_ = static_cast<std::uint16_t>(40'000 + pick(8));
  }

  void tcp() {
    const auto server_port = static_cast<std::uint16_t>(pick(2) == 0 ? 443 : 22);
    const auto send = [&](bool forward, std::uint8_t flags, std::size_t bytes) {
      PacketBuilder packet = begin(forward);
      forward ? packet.tcp(client_port_, server_port, flags, {.seq = seq_})
              : packet.tcp(server_port, client_port_, flags);
      add(packet.payload(bytes));
    };
    seq_ = static_cast<std::uint32_t>(random_());
    if (pick(5) != 0) {
      send(true, kTcpSyn, 0);
      if (pick(6) == 0) return;
      send(false, kTcpSyn | kTcpAck, 0);
    }
    for (std::uint64_t i = pick(40); i > 0; --i) send(pick(2) == 0, kTcpAck, pick(400));
    const std::uint64_t end = pick(4);
    if (end == 0) send(pick(2) == 0, kTcpRst, 0);
    if (end >= 2) send(true, kTcpFin | kTcpAck, 0);
    if (end == 3) send(false, kTcpFin | kTcpAck, 0);
  }

  void udp() {
    const std::uint16_t ports[] = {53, 443, 9999};
    const std::uint16_t server_port = ports[pick(3)];
    const bool two_way = pick(2) == 0;
    for (std::uint64_t i = 1 + pick(12); i > 0; --i) {
      const bool forward = !two_way || pick(2) == 0;
      PacketBuilder packet = begin(forward);
      add(forward ? packet.udp(client_port_, server_port).payload(pick(300))
                  : packet.udp(server_port, client_port_).payload(pick(300)));
    }
  }

  void other() {
    for (std::uint64_t i = 1 + pick(4); i > 0; --i) {
      ByteBuffer frame(60, static_cast<std::uint8_t>(pick(256)));
      frame[12] = 0x08;
      frame[13] = 0x06;
      push(frame);
    }
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  PacketBuilder begin(bool forward) {
    PacketBuilder packet;
    packet.eth();
    if (client_port_ % 4 == 0) packet.vlan(static_cast<std::uint16_t>(5 + pick(2)));
    const auto id = static_cast<std::uint16_t>(frames_.size() + 1);  // no frame is a copy of another
    if (client_port_ % 8 == 3)
      packet.ipv4(forward ? "172.16.0.1" : "172.16.0.2", forward ? "172.16.0.2" : "172.16.0.1", {.id = id});
    forward ? packet.ipv4(client_, server_, {.ttl = static_cast<std::uint8_t>(50 + pick(10)), .id = id})
            : packet.ipv4(server_, client_, {.id = id});
    return packet;
  }
  void add(PacketBuilder& packet) { push(packet.bytes()); }

  /// Mostly fractions of a second apart, sometimes beyond an interim record's boundary or a timeout.
  void push(ByteBuffer bytes) {
    frames_.push_back(owned(std::move(bytes), now_ns_));
    const std::uint64_t choice = pick(20);
    const TimeNs apart_ns_max = choice < 14 ? kNsPerSecond / 4 : (choice < 19 ? 6 : 70) * kNsPerSecond;
    now_ns_ += 1 + static_cast<TimeNs>(pick(static_cast<std::uint64_t>(apart_ns_max)));
  }

  std::mt19937_64& random_;
  TimeNs now_ns_;
  std::vector<OwnedFrame>& frames_;
  std::string client_;
  std::string server_;
  std::uint16_t client_port_ = 0;
  std::uint32_t seq_ = 0;
};

RowGroupFileConfig row_files(const Store& store, const SegmentId& id, std::uint16_t worker,
                             std::string directory) {
  RowGroupFileConfig files;
  files.directory = std::move(directory);
  files.port = kLivePort;
  files.worker = worker;
  files.sensor_id = store.sensor_id();
  files.source_id = id;
  return files;
}

FrameSegmentConfig segments(const Store& store, const SegmentId& id, std::uint16_t worker) {
  FrameSegmentConfig config;
  config.directory = config.index_directory = store.packets_directory();
  config.sensor_id = store.sensor_id();
  config.source_id = id;
  config.port = kLivePort;
  config.worker = worker;
  config.block_bytes = 4096;
  return config;
}

flowgen::FlowTableConfig table_config(const Store& store, std::uint16_t worker) {
  flowgen::FlowTableConfig config;
  config.flows_max = 4096;
  config.sensor_id = store.sensor_id();
  config.worker = worker;
  config.link = kLivePort;
  return config;
}

}  // namespace

std::vector<OwnedFrame> conversations(std::uint64_t seed, int seconds, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<OwnedFrame> frames;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin_ns = static_cast<TimeNs>(random() % static_cast<std::uint64_t>(seconds * kNsPerSecond));
    Conversation conversation(random, kStart + begin_ns, frames);
    switch (random() % 8) {
      case 0:
        conversation.other();
        break;
      case 1:
      case 2:
      case 3:
        conversation.udp();
        break;
      default:
        conversation.tcp();
    }
  }
  std::ranges::stable_sort(frames, {}, &OwnedFrame::time_ns);
  return frames;
}

struct LiveRun::Worker {
  Worker(const Store& store, const SegmentId& id, std::uint16_t number)
      : segment(segments(store, id, number)),
        table(must(flowgen::FlowTable::create(table_config(store, number)))),
        sessions({row_files(store, id, number, store.sessions_directory())}),
        book(kLivePort, number),
        ledger(row_files(store, id, number, store.ledger_directory())) {}

  void drain() {
    for (const SessionRecord& record : table->records()) must(sessions.append(record));
    table->clear_records();
  }

  FrameSegmentWriter segment;
  std::unique_ptr<flowgen::FlowTable> table;
  SessionFileWriter sessions;
  LedgerBook book;
  LedgerFileWriter ledger;
  TimeNs last_frame_ns = 0;
  TimeNs sessions_flushed_ns = 0;
  TimeNs sealed_ns = 0;
  std::int64_t second = 0;
};

LiveRun::LiveRun(const Store& store, TimeNs first_ns, const LiveIntervals& intervals)
    : intervals_(intervals), id_(make_segment_id()) {
  Source source;
  source.id = id_;
  source.path = "eth-test";
  source.live = true;
  source.port = kLivePort;
  source.workers = kLiveWorkers;
  source.first_ns = first_ns;
  must(save_source(store, source));
  for (std::uint16_t worker = 0; worker < kLiveWorkers; ++worker) {
    workers_.push_back(std::make_unique<Worker>(store, id_, worker));
  }
}

LiveRun::~LiveRun() = default;

void LiveRun::feed(const OwnedFrame& from) {
  Frame frame;
  frame.data = from.bytes.data();
  frame.captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
  frame.wire_bytes = from.wire_bytes;
  frame.time_ns = from.time_ns;
  frame.port = kLivePort;
  stamper_.stamp({&frame, 1});
  PacketMeta meta;
  decode(frame, meta);
  verify_checksums({&frame, 1}, {&meta, 1});
  LayeredBurst packets;
  packets.add(frame, meta);
  const std::size_t first = fed_.size();
  std::uint16_t number = 0;
  for (std::size_t i = 0; i < packets.metas().size(); ++i) {
    FedFrame fed{{}, Direction::kAToB, frame.order, packets.frames()[i].wire_bytes, number, true, i > 0};
    fed.session = packets.metas()[i].status == DecodeStatus::kIp;
    if (fed.session)
      fed.direction = make_flow_key(packets.frames()[i], packets.metas()[i], kLivePort, fed.key);
    if (fed.session && !fed.inner) number = flow_fingerprint(fed.key) % kLiveWorkers;
    fed.worker = number;
    fed_.push_back(fed);
  }
  const FedFrame& fed = fed_[first];
  Worker& worker = *workers_[number];
  // Timers first: an idle worker's run, too.
  for (const auto& each : workers_) housekeep(*each, frame.order.time_ns);

  std::vector<FlowHit> hits(packets.metas().size());
  worker.table->update(packets.frames(), packets.metas(), hits);
  worker.last_frame_ns = frame.time_ns;
  LedgerCounts& counts = worker.book.at(frame.order.time_ns);
  counts.add_polled(frame);
  counts.add_decoded(hits.size());
  for (const PacketMeta& packet : packets.metas())
    packet.status == DecodeStatus::kIp ? counts.add_in_session() : counts.add_no_session(packet.status);
  const bool cut = fed.session && fed.key.port_a % 5 == 0 && frame.captured_bytes > kPolicyBytes;
  const std::uint32_t stored_bytes = cut ? kPolicyBytes : frame.captured_bytes;
  counts.add_stored(frame, stored_bytes);
  for (const FlowHit& hit : hits) {
    if (cut) worker.table->count_unstored(hit);
  }
  const FrameCut frame_cut{cut ? frame.captured_bytes : 0, 0};
  frame.captured_bytes = stored_bytes;
  must(worker.segment.append(frame, packets.metas(), hits.back(), frame_cut));
  worker.drain();
}

void LiveRun::housekeep(Worker& worker, TimeNs now_ns) {
  worker.table->observe_idle(now_ns - worker.last_frame_ns);
  for (bool more = true; more;) {
    more = worker.table->advance(flowgen::FlowTable::kRecordsPerAdvanceMax);
    worker.drain();
  }
  worker.sessions.note_complete(now_ns);
  if (now_ns - worker.sessions_flushed_ns >= intervals_.sessions_flush_ns) {
    worker.sessions_flushed_ns = now_ns;
    must(worker.sessions.flush());
  }
  if (floor_seconds(now_ns) != worker.second) {
    worker.second = floor_seconds(now_ns);
    worker.book.close_second();
    for (const LedgerRow& row : worker.book.rows()) must(worker.ledger.append(row));
    worker.book.clear_rows();
    worker.ledger.note_complete(worker.second * kNsPerSecond);
    must(worker.ledger.flush());
  }
  if (now_ns - worker.sealed_ns >= intervals_.seal_ns) {
    worker.sealed_ns = now_ns;
    must(worker.segment.finish());
  }
}

void LiveRun::publish_packets() {
  for (const auto& worker : workers_) must(worker->segment.finish());
}

void LiveRun::finish() {
  publish_packets();
  for (const auto& worker : workers_) {
    for (bool more = true; more;) {
      more = worker->table->finish(flowgen::FlowTable::kRecordsPerAdvanceMax);
      worker->drain();
    }
    must(worker->sessions.finish());
    worker->book.close_second();
    for (const LedgerRow& row : worker->book.rows()) must(worker->ledger.append(row));
    must(worker->ledger.finish());
  }
}

}  // namespace tapline::test

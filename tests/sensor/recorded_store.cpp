#include "tests/sensor/recorded_store.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <tuple>

#include "storage/block_frames.hpp"
#include "storage/catalog.hpp"
#include "storage/session_file_reader.hpp"
#include "storage/session_scan.hpp"
#include "tests/storage/traffic.hpp"

namespace tapline::test {
namespace {

using namespace tapline::storage;

SegmentId source_id_of(const SegmentHeader& header) {
  SegmentId id;
  std::ranges::copy(header.source_id, id.begin());
  return id;
}

void read_segment_frames(const std::string& path, std::vector<ReadFrame>& read) {
  ContainerReader reader = must(ContainerReader::open(path));
  DecodedBlock block;
  std::vector<Frame> frames;
  for (std::uint32_t number = 0; number < reader.block_count(); ++number) {
    must(reader.read_block(must(reader.entry(number)), number, block));
    must(parse_frames(block, reader.header(), frames));
    for (const Frame& frame : frames) {
      read.push_back(
          {owned(frame), frame.order, frame.port, reader.header().worker, source_id_of(reader.header())});
    }
  }
}

LedgerTotals read_ledger(const Store& store, const SegmentId& source) {
  LedgerTotals totals;
  for (const LedgerRow& row : read_ledger_rows(store, source)) totals.add(row);
  return totals;
}

std::uint64_t packets_of_final_records(const Store& store, const SegmentId& source) {
  std::uint64_t packets = 0;
  for (const SessionRecord& record : read_sessions(store, source)) {
    if (record.final()) packets += record.a_to_b.total.packets + record.b_to_a.total.packets;
  }
  return packets;
}

std::uint64_t count_frames(const Store& store, const SegmentId& source) {
  const std::vector<ReadFrame> frames = read_frames(store);
  return static_cast<std::uint64_t>(std::ranges::count(frames, source, &ReadFrame::source_id));
}

void save_account(const Store& store, const Recording& recording, const RecordOptions& options) {
  Source account;
  account.id = recording.source_id;
  account.path = fmt::format("memory-{}", options.source);
  account.state = SourceState::kComplete;
  account.frames = recording.source.polled_frames;
  account.captured_bytes = recording.source.polled_captured_bytes;
  account.wire_bytes = recording.source.polled_wire_bytes;
  account.first_ns = recording.first_ns;
  account.last_ns = recording.last_ns;
  account.packets = options.store_packets;
  account.policy = options.cutoff.text();
  must(save_source(store, account));
}

}  // namespace

OwnedFrame owned(const Frame& frame) {
  return {ByteBuffer(frame.data, frame.data + frame.captured_bytes), frame.time_ns, frame.wire_bytes,
          frame.link_type};
}

OwnedFrame owned(ByteBuffer bytes, TimeNs time_ns, std::uint16_t link_type) {
  const auto wire_bytes = static_cast<std::uint32_t>(bytes.size());
  return {std::move(bytes), time_ns, wire_bytes, link_type};
}

std::vector<OwnedFrame> random_traffic(std::uint64_t seed, std::size_t frames) {
  Traffic traffic(seed);
  std::vector<OwnedFrame> made;
  for (TestFrame& frame : traffic.take(frames)) {
    made.push_back({std::move(frame.bytes), frame.time_ns, frame.wire_bytes, kLinkEthernet});
  }
  return made;
}

Result<PollResult> MemorySource::poll(std::span<Frame> frames) {
  const std::size_t count = std::min({frames.size(), std::size_t{burst_frames_}, frames_.size() - next_});
  burst_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const OwnedFrame& from = frames_[next_ + i];
    burst_.push_back(from.bytes);
    Frame& frame = frames[i];
    frame = {};
    frame.data = burst_.back().data();
    frame.captured_bytes = static_cast<std::uint32_t>(from.bytes.size());
    frame.wire_bytes = from.wire_bytes;
    frame.time_ns = from.time_ns;
    frame.link_type = from.link_type;
    ++counters_.polled_frames;
    counters_.polled_captured_bytes += frame.captured_bytes;
    counters_.polled_wire_bytes += frame.wire_bytes;
  }
  next_ += count;
  counters_.device_received_frames = counters_.polled_frames;
  return PollResult{static_cast<std::uint32_t>(count), next_ == frames_.size()};
}

TestStore::TestStore(bool record_disk)
    : disk_(folder_.path(), record_disk),
      store_(must(Store::open_or_create(folder_ / "store", "test", disk_))) {}

RecordOptions small_segments() {
  RecordOptions options;
  options.segment.segment_bytes_max = 80 * 1024;
  options.segment.block_bytes = 4 * 1024;
  return options;
}

std::unique_ptr<sensor::Pipeline> make_pipeline(const Store& store, const RecordOptions& options) {
  sensor::PipelineConfig config;
  config.source_id.fill(options.source);
  config.worker = options.worker;
  config.store_packets = options.store_packets;
  config.cutoff = options.cutoff;
  config.budget_bytes = options.budget_bytes;
  config.flows_max = 4096;
  config.segment = options.segment;
  return must(sensor::Pipeline::create(store, config));
}

Status feed(sensor::Pipeline& pipeline, FrameSource& source) {
  std::array<Frame, kBurstFramesMax> burst;
  for (;;) {
    const Result<PollResult> polled = source.poll(burst);
    if (!polled) return polled.error();
    TAPLINE_TRY(pipeline.process(std::span(burst).first(polled->frames)));
    if (polled->end) return {};
  }
}

Recording record(const Store& store, std::span<const OwnedFrame> frames, const RecordOptions& options) {
  MemorySource source(frames, options.burst_frames);
  const std::unique_ptr<sensor::Pipeline> pipeline = make_pipeline(store, options);
  must(feed(*pipeline, source));
  must(pipeline->finish());
  Recording recording;
  recording.source_id.fill(options.source);
  recording.source = source.counters();
  recording.totals = pipeline->totals();
  recording.flows = pipeline->flow_counters();
  recording.segments = pipeline->segment_counters();
  recording.segments_evicted = pipeline->segments_evicted();
  recording.first_ns = pipeline->first_ns();
  recording.last_ns = pipeline->last_ns();
  require_conserved(store, recording);
  save_account(store, recording, options);
  return recording;
}

void require_conserved(const Store& store, const Recording& recording) {
  must(recording.totals.check());
  REQUIRE(read_ledger(store, recording.source_id).counts() == recording.totals.counts());
  const auto polled = static_cast<std::int64_t>(recording.source.polled_frames);
  REQUIRE(recording.count(kFramePolled) == polled);
  REQUIRE(recording.count(kFramePolledCapturedBytes) ==
          static_cast<std::int64_t>(recording.source.polled_captured_bytes));
  REQUIRE(recording.count(kFramePolledWireBytes) ==
          static_cast<std::int64_t>(recording.source.polled_wire_bytes));
  const std::int64_t stored = recording.count(kFrameStoredWhole) + recording.count(kFrameStoredCut);
  REQUIRE(polled == stored + recording.count(kFrameFiltered) + recording.totals.dropped_frames());
  REQUIRE(recording.count(kFrameInSession) ==
          static_cast<std::int64_t>(packets_of_final_records(store, recording.source_id)));
  REQUIRE(recording.flows.frames_in_session == static_cast<std::uint64_t>(recording.count(kFrameInSession)));
  if (recording.segments_evicted == 0) {
    REQUIRE(stored == static_cast<std::int64_t>(count_frames(store, recording.source_id)));
  }
}

std::vector<LedgerRow> read_ledger_rows(const Store& store, const SegmentId& source) {
  std::vector<LedgerRow> all;
  for (const CatalogFile& file : scan(store).ledgers) {
    LedgerFileReader reader = must(LedgerFileReader::open(file.path));
    if (source_id_of(reader.container().header()) != source) continue;
    for (;;) {
      const std::span<const LedgerRow> rows = must(reader.next());
      if (rows.empty()) break;
      all.insert(all.end(), rows.begin(), rows.end());
    }
  }
  return all;
}

std::vector<ReadFrame> read_frames(const Store& store) {
  std::vector<ReadFrame> read;
  for (const CatalogFile& segment : scan(store).segments) read_segment_frames(segment.path, read);
  std::ranges::stable_sort(
      read, {}, [](const ReadFrame& frame) { return std::tuple(frame.order, frame.port, frame.worker); });
  return read;
}

std::vector<OwnedFrame> frames_of(const std::vector<ReadFrame>& read) {
  std::vector<OwnedFrame> frames;
  for (const ReadFrame& frame : read) frames.push_back(frame.frame);
  return frames;
}

std::vector<SessionRecord> read_sessions(const Store& store, std::optional<SegmentId> source) {
  std::vector<SessionRecord> records;
  for (const CatalogFile& file : scan(store).sessions) {
    if (source && source_id_of(must(ContainerReader::open(file.path)).header()) != *source) continue;
    SessionScan records_of_file({file.path}, {}, kFieldsAll);
    for (;;) {
      const std::span<const SessionRecord> batch = must(records_of_file.next());
      if (batch.empty()) break;
      records.insert(records.end(), batch.begin(), batch.end());
    }
  }
  return records;
}

Catalog scan(const Store& store) {
  return must(Catalog::scan(store));
}

void flip_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  REQUIRE(byte >= 0);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x55));
  REQUIRE(file.good());
}

}  // namespace tapline::test

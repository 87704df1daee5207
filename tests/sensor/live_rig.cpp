#include "tests/sensor/live_rig.hpp"

#include "tests/packet/packet_builder.hpp"

namespace tapline::test {
namespace {

using sensor::StepResult;

TimeNs wall_ns = kRigStart;
TimeNs steady_ns = 0;

sensor::WorkerFilesConfig files_config(const RigConfig& config, const storage::SegmentId& source_id) {
  sensor::WorkerFilesConfig files;
  files.source_id = source_id;
  files.live = true;
  files.segment = config.segment;
  files.row_groups = config.row_groups;
  return files;
}

sensor::WorkerTiming timing() {
  sensor::WorkerTiming timing;
  timing.clock = [] { return wall_ns; };
  timing.steady_clock = [] { return steady_ns; };
  timing.full_wait = std::chrono::milliseconds(0);
  return timing;
}

}  // namespace

RigConfig small_blocks() {
  RigConfig config;
  config.segment.block_bytes = 4096;
  return config;
}

LiveRig::LiveRig(const RigConfig& config, std::unique_ptr<FrameSource> source)
    : store(config.record_disk),
      ring(*store, storage::RingLimits{.bytes = config.budget_bytes}, &held, [] { return wall_ns; }),
      exchange(config.blocks, config.blocks / 2, config.segment.block_bytes,
               config.segment.segment_duration_ns_max),
      writer([] { return steady_ns; }) {
  for (const std::string& name : config.volumes) must(storage::add_volume(*store, volume(name)));
  wall_ns = kRigStart;
  steady_ns = 5 * kNsPerSecond;
  source_id.fill(7);
  sensor::FrameWorkerConfig path;
  path.sensor_id = store->sensor_id();
  path.flows_max = config.flows_max;
  path.give_up_attempts = true;
  path.grace_ns = config.grace_ns;
  path.cutoff = config.cutoff;
  path.lanes.block_bytes = config.segment.block_bytes;
  if (source == nullptr) source = std::make_unique<ScriptedSource>(script);
  worker = std::make_unique<sensor::Worker>(std::move(source),
                                            must(sensor::FrameWorker::create(path, exchange)), timing());
  writer.add(exchange, std::make_unique<sensor::WorkerFiles>(*store, files_config(config, source_id), ring));
}

void LiveRig::pass(TimeNs span_ns) {
  wall_ns += span_ns;
  steady_ns += span_ns;
}

void LiveRig::set_wall_clock(TimeNs time_ns) {
  wall_ns = time_ns;
}

TimeNs LiveRig::now_ns() {
  return wall_ns;
}

// Each frame has an identification of its own: none is a copy of another.
OwnedFrame LiveRig::udp_now(std::uint32_t flow, std::size_t payload_bytes) {
  static std::uint16_t ip_id = 0;
  ByteBuffer bytes = PacketBuilder()
                         .eth()
                         .ipv4("10.0.0.1", "10.0.0.2", {.id = ++ip_id})
                         .udp(static_cast<std::uint16_t>(1024 + flow % 60'000), 9999)
                         .payload(payload_bytes)
                         .bytes();
  bytes[33] = static_cast<std::uint8_t>(2 + flow / 60'000);  // last byte of the destination
  return owned(std::move(bytes), wall_ns);
}

void LiveRig::work() {
  for (int steps = 0; worker->step() == StepResult::kBusy; ++steps) REQUIRE(steps < 1'000'000);
}

void LiveRig::write() {
  for (int steps = 0; writer.step() == StepResult::kBusy; ++steps) REQUIRE(steps < 1'000'000);
}

void LiveRig::run_for(TimeNs span_ns) {
  constexpr TimeNs kTickNs = 10 * kNsPerMillisecond;
  for (TimeNs passed_ns = 0; passed_ns < span_ns; passed_ns += kTickNs) {
    pass(kTickNs);
    work();
    write();
  }
}

void LiveRig::save_account() const {
  storage::Source account;
  account.id = source_id;
  account.path = "scripted";
  account.live = true;
  account.started_at_ns = account.first_ns = wall_ns;
  must(storage::save_source(*store, account));
}

void LiveRig::stop() {
  worker->request_stop();
  for (int steps = 0; worker->step() != StepResult::kDone; ++steps) {
    REQUIRE(steps < 1'000'000);
    write();
  }
  finish_writer();
  require_books();
}

std::vector<SessionRecord> LiveRig::final_sessions() const {
  std::vector<SessionRecord> sessions = read_sessions(*store);
  std::erase_if(sessions, [](const SessionRecord& record) { return !record.final(); });
  return sessions;
}

void LiveRig::finish_writer() {
  writer.request_finish();
  for (int steps = 0; writer.step() != StepResult::kDone; ++steps) REQUIRE(steps < 1'000'000);
}

void LiveRig::require_books() const {
  Recording recording;
  recording.source_id = source_id;
  recording.source = worker->source().counters();
  recording.totals = files().totals();
  recording.flows = worker->path().flow_counters();
  recording.segments = files().segment_counters();
  recording.segments_evicted = ring.segments_evicted();
  require_conserved(*store, recording);
}

}  // namespace tapline::test

// store_bench CAPTURE DIRECTORY [PASSES [LAYOUT...]]: the store alone, by lane layout, through the real
// writer: classifier, lanes, checksums, index, files. The capture is loaded, decoded and run through the flow
// table beforehand; measured is LanePacker::append to the published segment, user and system CPU. The first
// layout is what row-oriented recorders do (64 KiB blocks, level 3), the others are measured against it in
// turn; medians of PASSES, default 5. Output, a line a layout: MB/s of CPU, ratio, index share, both relative
// to the first layout, memory of the lanes' blocks, and what 200 random sessions would read: median KB and
// mean blocks.

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <random>
#include <set>
#include <vector>

#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/order_stamper.hpp"
#include "flowgen/flow_table.hpp"
#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/index_reader.hpp"
#include "tests/storage/frame_segment_writer.hpp"

namespace {

using namespace tapline;

constexpr int kPasses = 5;
constexpr std::size_t kSessions = 200;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Frames in memory with what decoder and flow table say about them.
struct Trace {
  std::vector<std::uint8_t> bytes;
  std::vector<Frame> frames;
  std::vector<PacketMeta> metas;
  std::vector<FlowHit> hits;
  std::vector<AppendSlot> slots;  // one a flow and direction; the table's own live shorter than the trace
  std::vector<std::uint32_t> slot_of;
  std::uint64_t raw_bytes = 0;  // with pcap record headers
};

void load_frames(const char* path, Trace& trace) {
  auto source = open_capture_file(path);
  TAPLINE_CHECK(source.ok());
  trace.bytes.reserve(std::filesystem::file_size(path));
  std::array<Frame, kBurstFramesMax> burst;
  for (bool end = false; !end;) {
    const auto polled = (*source)->poll(burst);
    TAPLINE_CHECK(polled.ok());
    end = polled->end;
    for (std::uint32_t i = 0; i < polled->frames; ++i) {
      const std::size_t at = trace.bytes.size();
      trace.bytes.insert(trace.bytes.end(), burst[i].data, burst[i].data + burst[i].captured_bytes);
      burst[i].data = trace.bytes.data() + at;  // reserved: never moves
      trace.frames.push_back(burst[i]);
      trace.raw_bytes += 16 + burst[i].captured_bytes;
    }
  }
}

/// The table lends each flow and direction a slot; its number within the bench is left in it at first sight.
std::uint32_t slot_number(const FlowHit& hit, std::vector<AppendSlot>& slots) {
  if (hit.slot->previous_offset == 0) {
    slots.push_back({});
    hit.slot->previous_offset = static_cast<std::uint32_t>(slots.size());
  }
  return hit.slot->previous_offset - 1;
}

void track_flows(Trace& trace) {
  flowgen::FlowTableConfig config;
  auto table = flowgen::FlowTable::create(config);
  TAPLINE_CHECK(table.ok());
  OrderStamper stamper;
  trace.metas.resize(trace.frames.size());
  trace.hits.resize(trace.frames.size());
  trace.slots.push_back({});  // 0: frames without a session share it
  for (std::size_t at = 0; at < trace.frames.size(); at += kBurstFramesMax) {
    const std::size_t count = std::min<std::size_t>(kBurstFramesMax, trace.frames.size() - at);
    const auto frames = std::span(trace.frames).subspan(at, count);
    const auto hits = std::span(trace.hits).subspan(at, count);
    stamper.stamp(frames);
    decode_burst(frames, std::span(trace.metas).subspan(at, count));
    (*table)->update(frames, std::span(trace.metas).subspan(at, count), hits);
    for (const FlowHit& hit : hits)
      trace.slot_of.push_back(hit.slot != nullptr ? slot_number(hit, trace.slots) : 0);
    (*table)->clear_records();
    while ((*table)->advance(flowgen::FlowTable::kRecordsPerAdvanceMax)) (*table)->clear_records();
    (*table)->clear_records();
  }
}

struct Layout {
  const char* name;
  std::uint32_t block_bytes;
  unsigned lane_bits;
  int level;
  bool classes = true;  // false: every flow is clear
  bool guided = true;   // false: opaque blocks are raw
  std::uint32_t verify_interval = 64;
};

constexpr std::uint32_t kKiB = 1024;
constexpr std::uint32_t kNever = UINT32_MAX;
constexpr Layout kLayouts[] = {
    {"rows, 64 KiB, level 3", 64 * kKiB, 0, 3, false},
    {"rows, 256 KiB, level 1", 256 * kKiB, 0, 1, false},
    {"16+16, 256 KiB, -1", 256 * kKiB, 4, -1},
    {"16+16, 256 KiB, 2", 256 * kKiB, 4, 2},
    {"16+16, 256 KiB, 1", 256 * kKiB, 4, 1},
    {"16+16, 256 KiB, -3", 256 * kKiB, 4, -3},
    {"16+16, 256 KiB, -5", 256 * kKiB, 4, -5},
    {"16+16, 256 KiB, -1, opaque raw", 256 * kKiB, 4, -1, true, false},
    {"4+4, 256 KiB, -1", 256 * kKiB, 2, -1},
    {"8+8, 256 KiB, -1", 256 * kKiB, 3, -1},
    {"32+32, 256 KiB, -1", 256 * kKiB, 5, -1},
    {"16+16, 128 KiB, -1", 128 * kKiB, 4, -1},
    {"16+16, 512 KiB, -1", 512 * kKiB, 4, -1},
    {"16+16, 256 KiB, -1, all decoded", 256 * kKiB, 4, -1, true, true, 1},
    {"16+16, 256 KiB, -1, none decoded", 256 * kKiB, 4, -1, true, true, kNever},
};

struct Measure {
  double cpu_seconds;
  double ratio;
  double index_share;
  double session_bytes;   // median over random sessions: blocks that hold them
  double session_blocks;  // mean
};

/// Stores opaque blocks as the store did before they were guided.
class RawOpaque : public storage::BlockEncoder {
 public:
  using BlockEncoder::BlockEncoder;
  Result<storage::EncodedBlock> compress_guided(Bytes content,
                                                std::span<const storage::HeaderHint>) override {
    return wrap_raw(content);
  }
};

/// What the index leads to for `kSessions` of the flows, the same ones for every layout.
void ask_for_sessions(const Trace& trace, const std::string& directory, Measure& measure) {
  std::set<std::uint64_t> known;
  for (const FlowHit& hit : trace.hits) known.insert(hit.fingerprint);
  known.erase(0);  // frames without a session
  std::vector<std::uint64_t> flows;
  std::ranges::sample(known, std::back_inserter(flows), kSessions, std::mt19937(1));
  std::vector<double> bytes(flows.size());
  double blocks_found = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string path = file.path();
    if (!path.ends_with(storage::kPacketSuffix)) continue;
    const auto segment = storage::ContainerReader::open(path);
    TAPLINE_CHECK(segment.ok());
    auto index = storage::IndexReader::open(storage::index_path_of(path), segment->header().segment_id,
                                            segment->block_count());
    TAPLINE_CHECK(index.ok());
    const auto entries = segment->load_entries();
    for (std::size_t i = 0; i < flows.size(); ++i) {
      storage::BlockSet blocks(segment->block_count(), false);
      const std::uint64_t key = storage::flow_key_value(flows[i]);
      TAPLINE_CHECK(index->look_up({storage::IndexKeyKind::kFlow, key, key}, blocks).ok());
      blocks_found += blocks.count();
      for (const std::uint32_t number : blocks.numbers()) bytes[i] += (*entries)[number].stored_bytes;
    }
  }
  std::ranges::sort(bytes);
  measure.session_bytes = bytes[bytes.size() / 2];
  measure.session_blocks = blocks_found / static_cast<double>(flows.size());
}

Measure measure(Trace& trace, const Layout& layout, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::ranges::fill(trace.slots, AppendSlot{});
  storage::FrameSegmentConfig config;
  config.directory = config.index_directory = directory;
  config.block_bytes = layout.block_bytes;
  config.lane_bits_max = layout.lane_bits;
  config.compression_level = layout.level;
  config.verify_interval = layout.verify_interval;
  const double begun = cpu_seconds();
  const std::uint32_t content_bytes_max = std::max(layout.block_bytes, storage::kBlockBufferBytesMin);
  std::unique_ptr<storage::BlockEncoder> encoder;
  if (!layout.guided) encoder = std::make_unique<RawOpaque>(content_bytes_max, layout.level);
  if (layout.guided) encoder = std::make_unique<storage::BlockEncoder>(content_bytes_max, layout.level);
  storage::FrameSegmentWriter writer(config, std::move(encoder));
  for (std::size_t i = 0; i < trace.frames.size(); ++i) {
    FlowHit hit = trace.hits[i];
    hit.slot = &trace.slots[trace.slot_of[i]];
    if (!layout.classes) hit.content_class = ContentClass::kClear;
    TAPLINE_CHECK(writer.append(trace.frames[i], trace.metas[i], hit).ok());
  }
  TAPLINE_CHECK(writer.finish().ok());
  Measure measured{};
  measured.cpu_seconds = cpu_seconds() - begun;
  const auto stored = static_cast<double>(writer.counters().stored_bytes);
  measured.ratio = static_cast<double>(trace.raw_bytes) / stored;
  measured.index_share = static_cast<double>(writer.counters().index_bytes) / stored;
  ask_for_sessions(trace, directory, measured);
  return measured;
}

void print_measure(const Trace& trace, const Layout& layout, const Measure& one, const Measure& rows) {
  const double lane_mib =
      static_cast<double>(std::uint64_t{2} << layout.lane_bits) * layout.block_bytes / (1 << 20);
  fmt::print(
      "{:<32} {:>5.0f} MB/s  ratio {:.4f}  index {:.3f} %  speed x{:.2f}  ratio x{:.3f}  lanes {:>4.1f} MiB  "
      "a session {:>4.0f} KB, {:.1f} blocks\n",
      layout.name, static_cast<double>(trace.raw_bytes) / 1e6 / one.cpu_seconds, one.ratio,
      100 * one.index_share, rows.cpu_seconds / one.cpu_seconds, one.ratio / rows.ratio, lane_mib,
      one.session_bytes / 1e3, one.session_blocks);
}

/// Those of the given names; all where none is given.
std::vector<Layout> choose_layouts(const std::vector<std::string>& names) {
  std::vector<Layout> layouts;
  std::ranges::copy_if(kLayouts, std::back_inserter(layouts), [&](const Layout& layout) {
    return names.empty() || std::ranges::find(names, layout.name) != names.end();
  });
  return layouts;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: store_bench CAPTURE DIRECTORY (emptied) [PASSES [LAYOUT...]]\n");
    return 2;
  }
  const int passes = argc > 3 ? std::atoi(argv[3]) : kPasses;
  const std::vector<Layout> layouts = choose_layouts({argv + std::min(argc, 4), argv + argc});
  Trace trace;
  load_frames(argv[1], trace);
  track_flows(trace);
  std::vector<std::vector<double>> seconds(layouts.size());
  std::vector<Measure> last(layouts.size());
  for (int pass = 0; pass < passes; ++pass) {
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      last[i] = measure(trace, layouts[i], argv[2]);
      seconds[i].push_back(last[i].cpu_seconds);
    }
  }
  std::filesystem::remove_all(argv[2]);
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    std::ranges::sort(seconds[i]);
    last[i].cpu_seconds = seconds[i][seconds[i].size() / 2];
    print_measure(trace, layouts[i], last[i], last[0]);
  }
  return 0;
}

// store_bench CAPTURE DIRECTORY: the store alone, by lane layout, through the real writer: classifier, lanes,
// checksums, index, files. The capture is loaded, decoded and run through the flow table beforehand; measured
// is SegmentWriter::append to the published segment, user and system CPU. The first layout is what
// row-oriented recorders do (64 KiB blocks, level 3), the others are measured against it in turn; medians of
// `kPasses`. Output: a line a layout: MB/s of CPU, ratio, index share, and both relative to the first.

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/order_stamper.hpp"
#include "flowgen/flow_table.hpp"
#include "tests/storage/frame_segment_writer.hpp"

namespace {

using namespace tapline;

constexpr int kPasses = 5;

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
  bool classes;  // false: every flow is clear
  std::uint32_t verify_interval = 64;
};

constexpr std::uint32_t kKiB = 1024;
constexpr Layout kLayouts[] = {
    {"rows, 64 KiB, level 3", 64 * kKiB, 0, 3, false},
    {"rows, 256 KiB, level 1", 256 * kKiB, 0, 1, false},
    {"lanes 16+16, 256 KiB, level 1", 256 * kKiB, 4, 1, true},
    {"lanes 16+16, 256 KiB, level 2", 256 * kKiB, 4, 2, true},
    {"lanes 16+16, 256 KiB, level -1", 256 * kKiB, 4, -1, true},
    {"lanes 16+16, 256 KiB, level -3", 256 * kKiB, 4, -3, true},
    {"lanes 4+4, 256 KiB, level 1", 256 * kKiB, 2, 1, true},
    {"lanes 8+8, 256 KiB, level 1", 256 * kKiB, 3, 1, true},
    {"lanes 32+32, 256 KiB, level 1", 256 * kKiB, 5, 1, true},
    {"lanes 16+16, 128 KiB, level 1", 128 * kKiB, 4, 1, true},
    {"lanes 16+16, 512 KiB, level 1", 512 * kKiB, 4, 1, true},
    {"16+16, 256 KiB, 1, every decoded", 256 * kKiB, 4, 1, true, 1},
    {"16+16, 256 KiB, 1, none decoded", 256 * kKiB, 4, 1, true, UINT32_MAX},
};

struct Measure {
  double cpu_seconds;
  double ratio;
  double index_share;
};

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
  storage::FrameSegmentWriter writer(config);
  for (std::size_t i = 0; i < trace.frames.size(); ++i) {
    FlowHit hit = trace.hits[i];
    hit.slot = &trace.slots[trace.slot_of[i]];
    if (!layout.classes) hit.content_class = ContentClass::kClear;
    TAPLINE_CHECK(writer.append(trace.frames[i], trace.metas[i], hit, false).ok());
  }
  TAPLINE_CHECK(writer.finish().ok());
  const double used = cpu_seconds() - begun;
  const auto stored = static_cast<double>(writer.counters().stored_bytes);
  return {used, static_cast<double>(trace.raw_bytes) / stored,
          static_cast<double>(writer.counters().index_bytes) / stored};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: store_bench CAPTURE DIRECTORY(emptied) [PASSES [LAYOUT...]]\n");
    return 2;
  }
  const int passes = argc > 3 ? std::atoi(argv[3]) : kPasses;
  std::vector<Layout> layouts;
  for (const Layout& layout : kLayouts) {
    bool chosen = argc <= 4;
    for (int i = 4; i < argc; ++i) chosen |= std::string_view(layout.name) == argv[i];
    if (chosen) layouts.push_back(layout);
  }
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
  const auto median = [](std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
  };
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    fmt::print("{:<34} {:>6.0f} MB/s  ratio {:.4f}  index {:.3f} %  speed x{:.2f}  ratio x{:.3f}\n",
               layouts[i].name, static_cast<double>(trace.raw_bytes) / 1e6 / median(seconds[i]),
               last[i].ratio, 100 * last[i].index_share, median(seconds[0]) / median(seconds[i]),
               last[i].ratio / last[0].ratio);
  }
  return 0;
}

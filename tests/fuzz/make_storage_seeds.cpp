// Makes the seeds of the fuzz targets for storage: make_storage_seeds CORPUS_FOLDER. Each is a small, valid
// input of its target, written by the same code that writes stores.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <initializer_list>

#include "storage/block_frames.hpp"
#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"
#include "storage/file_names.hpp"
#include "tests/storage/packet_blocks.hpp"
#include "tests/storage/traffic.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

Bytes text_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <class T>
Bytes bytes_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

Status write_seed(const std::string& corpus, const std::string& target, const std::string& name,
                  std::initializer_list<Bytes> pieces) {
  fs::create_directories(corpus + "/" + target);
  Result<File> file = File::create(corpus + "/" + target + "/" + name);
  if (!file) return file.error();
  return file->write_gather({pieces.begin(), pieces.size()});
}

/// block_fuzz: each block of a segment, as the target takes it.
Status write_block_seeds(const std::string& corpus, const std::string& name,
                         const std::string& segment_path) {
  Result<ContainerReader> reader = ContainerReader::open(segment_path);
  if (!reader) return reader.error();
  DecodedBlock block;
  for (std::uint32_t number = 0; number < std::min(reader->block_count(), 4u); ++number) {
    const Result<BlockEntry> entry = reader->entry(number);
    if (!entry) return entry.error();
    TAPLINE_TRY(reader->read_block(*entry, number, block));
    const auto extension_bytes = static_cast<std::uint16_t>(block.extension.size());
    TAPLINE_TRY(write_seed(
        corpus, "block", name + "_" + std::to_string(number),
        {bytes_of(block.header.first_ns), bytes_of(block.header.frames), bytes_of(reader->header().link_type),
         bytes_of(extension_bytes), block.extension, block.content}));
  }
  return {};
}

/// A file with one byte in front of it.
Status write_file_seed(const std::string& corpus, const std::string& target, const std::string& name,
                       std::uint8_t first, const std::string& path) {
  const Result<std::vector<std::uint8_t>> content = read_file(path);
  if (!content) return content.error();
  return write_seed(corpus, target, name, {bytes_of(first), *content});
}

/// One small segment, still open and finished, and its index.
Status write_segment_seeds(const std::string& corpus, const std::string& folder, std::uint64_t seed,
                           std::size_t frames, bool compress) {
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder;
  config.block_bytes = 2048;
  config.lane_bits_max = 1;
  config.compress = compress;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  Traffic traffic(seed);
  TAPLINE_TRY(pipeline.append_all(traffic.take(frames)));
  writer.lanes().seal_all();  // so that there is a file, however few they are
  const std::string name = (compress ? "compressed_" : "raw_") + std::to_string(frames);
  std::string segment;
  for (const auto& entry : fs::directory_iterator(folder)) segment = entry.path().string();
  TAPLINE_TRY(write_file_seed(corpus, "container", name + "_open", 1, segment));
  TAPLINE_TRY(writer.finish());
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().string().ends_with(kPacketSuffix)) segment = entry.path().string();
  }
  TAPLINE_TRY(write_file_seed(corpus, "container", name + "_finished", 0, segment));
  TAPLINE_TRY(write_file_seed(corpus, "index", name, 6, index_path_of(segment)));
  TAPLINE_TRY(write_block_seeds(corpus, name, segment));
  fs::remove(index_path_of(segment));
  fs::remove(segment);
  return {};
}

/// header_match_fuzz: the records of a block with their hints, and some long ones that repeat.
Status write_match_seeds(const std::string& corpus, std::uint64_t seed, std::size_t frames) {
  BlockKeeper keeper(16 * 1024);
  LanePackerConfig lanes;
  lanes.lane_bits_max = 0;
  fill_blocks(make_conversations(seed, frames), lanes, keeper);
  const PacketBlock& block = *keeper.sent.front();
  ByteBuffer input;
  const Bytes content = block.content();
  std::size_t at = 0;
  for (const HeaderHint hint : block.hints()) {
    const auto frame_bytes = load_le<std::uint32_t>(content.data() + at + 8);
    put(input, std::uint32_t{hint.back_bytes} | std::uint32_t{hint.header_bytes} << 24);
    const bool repeated = frame_bytes > 1000;
    const std::uint32_t part_bytes = repeated ? 256 : frame_bytes;
    put(input, static_cast<std::uint16_t>(part_bytes));
    put(input, static_cast<std::uint8_t>(repeated ? frame_bytes % 256 : 1));
    put_bytes(input, content.subspan(at + kPcapRecordHeaderBytes, part_bytes));
    at += kPcapRecordHeaderBytes + frame_bytes;
  }
  return write_seed(corpus, "header_match", "conversations_" + std::to_string(frames), {input});
}

Status write_text_seeds(const std::string& corpus) {
  const FinalName name{1767225600000619000, 1767226792123456789, 3, 4, 0x0123456789abcdef};
  for (const auto suffix : {kPacketSuffix, kIndexSuffix, kSessionSuffix, kLedgerSuffix, kExpiredSuffix}) {
    TAPLINE_TRY(write_seed(corpus, "store_text", "name" + std::string(suffix),
                           {text_bytes(final_name(name, suffix))}));
  }
  TAPLINE_TRY(
      write_seed(corpus, "store_text", "open", {text_bytes(open_name(SegmentId{1, 2}, kPacketSuffix))}));
  TAPLINE_TRY(
      write_seed(corpus, "store_text", "marker", {text_bytes("format = 1\nsensor = north = side\n")}));
  TAPLINE_TRY(write_seed(
      corpus, "store_text", "source",
      {text_bytes(
          "path = a.pcap\nstate = complete\nstarted_at_ns = -1\nfinished_at_ns = 2\nframes = 3\n"
          "captured_bytes = 4\nwire_bytes = 5\nfirst_ns = -6\nlast_ns = 7\npackets = no\ndamage = torn\n")}));
  TAPLINE_TRY(write_seed(
      corpus, "store_text", "source_live",
      {text_bytes(
          "path = eth0\nkind = live\nstate = crashed\nport = 1\nworkers = 2\nstarted_at_ns = 1\n"
          "finished_at_ns = 2\nframes = 3\ncaptured_bytes = 4\nwire_bytes = 5\nfirst_ns = 1\nlast_ns = 2\n"
          "packets = yes\n")}));
  TAPLINE_TRY(write_seed(
      corpus, "store_text", "hold",
      {text_bytes(
          "filter = host 10.0.0.1\nreason = r\nowner = o\nsince_ns = 1\nuntil_ns = 9\nrequested_at_ns = 1\n"
          "expires_at_ns = 2\nstate = released\nuser_id = 1\nanswered_at_ns = 3\nended_at_ns = 4\nwhy = w\n"
          "segments = 1\nbytes = 2\nsegments_over_quota = 0\nholes = 1\nhole_0_first_ns = 1\n"
          "hole_0_last_ns = 2\n")}));
  TAPLINE_TRY(
      write_seed(corpus, "store_text", "segments", {text_bytes("0123456789abcdef\n0123456789abcdf0\n")}));
  TAPLINE_TRY(write_seed(
      corpus, "store_text", "scrub",
      {text_bytes(
          "position = a\npass_begun_at_ns = 1\npass_files = 1\npass_bytes = 2\nlast_pass_begun_at_ns = 1\n"
          "last_pass_ended_at_ns = 2\nlast_pass_files = 3\nlast_pass_bytes = 4\ndamages = 1\n"
          "damages_unnamed = 0\ndamaged_0 = b\ndamage_0 = c\ndamage_in_0 = index\n")}));
  TAPLINE_TRY(write_seed(corpus, "store_text", "volume",
                         {text_bytes("path = /v\nadded_at_ns = 1\nout_since_ns = 2\nout_reason = r\n")}));
  std::string intervals;
  for (const TimeNs first_ns : {TimeNs{1}, 10 * kNsPerSecond, 20 * kNsPerSecond, 4'000'000 * kNsPerSecond})
    intervals += format_compact(first_ns) + "_" + format_compact(first_ns + kNsPerSecond) + "\n";
  TAPLINE_TRY(write_seed(corpus, "store_text", "intervals", {text_bytes(intervals)}));
  return write_seed(corpus, "store_text", "numbers",
                    {text_bytes("format = 18446744073709551615\na = -5\n\nsensor = x\n")});
}

Status write_seeds(const std::string& corpus, const std::string& folder) {
  std::uint64_t seed = 1;
  for (const std::size_t frames : {std::size_t{1}, std::size_t{12}, std::size_t{40}}) {
    for (const bool compress : {true, false}) {
      TAPLINE_TRY(write_segment_seeds(corpus, folder, seed++, frames, compress));
    }
  }
  for (const std::size_t frames : {std::size_t{2}, std::size_t{10}, std::size_t{60}})
    TAPLINE_TRY(write_match_seeds(corpus, seed++, frames));
  return write_text_seeds(corpus);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::string folder = (fs::temp_directory_path() / "tapline-seeds-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return 1;
  const Status written = write_seeds(argv[1], folder);
  fs::remove_all(folder);
  if (written) return 0;
  std::fprintf(stderr, "%s\n", written.error().context.c_str());
  return 1;
}

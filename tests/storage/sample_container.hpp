#pragma once
// A small container of known content, and its pieces on disk: what the tests of reader, writer and recovery
// damage.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "storage/container_layout.hpp"
#include "storage/container_reader.hpp"
#include "storage/container_writer.hpp"

namespace tapline::storage {

struct SampleBlock {
  ByteBuffer content;
  ByteBuffer extension;
  BlockInfo info;
  bool raw = false;
};

inline std::vector<SampleBlock> make_sample_blocks() {
  std::vector<SampleBlock> blocks(4);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    SampleBlock& block = blocks[i];
    block.content.assign(40 + 30 * i, static_cast<std::uint8_t>('a' + i));
    block.extension.assign(i % 3, static_cast<std::uint8_t>(i));
    block.raw = i % 2 == 0;
    block.info.lane = static_cast<std::uint16_t>(i);
    block.info.frames = static_cast<std::uint32_t>(i + 1);
    block.info.cut_frames = 1;
    block.info.first_ns = static_cast<TimeNs>(1000 - 10 * i);
    block.info.last_ns = static_cast<TimeNs>(2000 + 10 * i);
    block.info.order_first_ns = static_cast<TimeNs>(1000 + i);
    block.info.order_last_ns = static_cast<TimeNs>(2000 + i);
    block.info.order_first_count = static_cast<std::uint32_t>(i);
    block.info.wire_bytes = 500;
    block.info.captured_bytes = 400;
  }
  return blocks;
}

inline ContainerIdentity make_sample_identity() {
  ContainerIdentity identity;
  identity.kind = kKindSessions;
  identity.sensor_id = 0x1122334455667788;
  for (std::size_t i = 0; i < 16; ++i) identity.segment_id[i] = static_cast<std::uint8_t>(i + 1);
  identity.source_id[3] = 9;
  identity.previous_segment_id[5] = 8;
  identity.previous_root[31] = 7;
  identity.previous_state = kPreviousCrashed;
  identity.link_type = 1;
  identity.snap_length = 262144;
  identity.port = 3;
  identity.worker = 4;
  identity.start_ns = -5;
  return identity;
}

inline Bytes records_lead() {
  return {reinterpret_cast<const std::uint8_t*>(kRecordsLead.data()), kRecordsLead.size()};
}

/// Creates `open_path` with `blocks`, not yet published.
inline ContainerWriter write_sample(const std::string& open_path, const std::vector<SampleBlock>& blocks) {
  Result<ContainerWriter> writer =
      ContainerWriter::create(real_disk(), open_path, make_sample_identity(), records_lead());
  REQUIRE(writer.ok());
  BlockEncoder encoder(65536, 1);
  for (const SampleBlock& block : blocks) {
    const Result<EncodedBlock> encoded =
        block.raw ? Result<EncodedBlock>(encoder.wrap_raw(block.content)) : encoder.compress(block.content);
    REQUIRE(encoded.ok());
    REQUIRE(writer->append(block.info, *encoded, block.extension).ok());
  }
  return std::move(*writer);
}

/// Contents of all blocks; kCorrupt (or kUnsupported) of the first step that fails.
inline Result<std::vector<ByteBuffer>> read_contents(const std::string& path) {
  Result<ContainerReader> reader = ContainerReader::open(path);
  if (!reader) return reader.error();
  const Result<std::vector<BlockEntry>> entries = reader->load_entries();
  if (!entries) return entries.error();
  std::vector<ByteBuffer> contents;
  DecodedBlock block;
  for (std::uint32_t number = 0; number < entries->size(); ++number) {
    TAPLINE_TRY(reader->read_block((*entries)[number], number, block));
    contents.push_back(block.content);
  }
  return contents;
}

inline void write_bytes(const std::string& path, Bytes bytes) {
  Result<File> file = File::create(path);
  REQUIRE(file.ok());
  REQUIRE(file->write_all(bytes).ok());
}

}  // namespace tapline::storage

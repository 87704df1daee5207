#pragma once
// Packet segments whose blocks a test makes by hand: right in every checksum, and yet at will one that no
// writer would make.

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "capture/packet/frame.hpp"
#include "storage/container_writer.hpp"
#include "storage/file_names.hpp"

namespace tapline::storage {

/// A block of frames of 20 bytes that stand for nothing.
struct HandMadeBlock {
  BlockInfo info;
  ByteBuffer content;
  ByteBuffer extension;
};

/// Frames with these keys, in this order; each one's capture time is its order time.
inline HandMadeBlock make_block(std::uint16_t lane, const std::vector<OrderKey>& keys) {
  constexpr std::uint32_t kFrameBytes = 20;
  HandMadeBlock block;
  std::uint64_t ordered = 0;  // since the exception before
  for (const OrderKey& key : keys) {
    put(block.content, static_cast<std::uint32_t>(key.time_ns / kNsPerSecond));
    put(block.content, static_cast<std::uint32_t>(key.time_ns % kNsPerSecond));
    put(block.content, kFrameBytes);
    put(block.content, kFrameBytes);
    block.content.resize(block.content.size() + kFrameBytes, static_cast<std::uint8_t>(lane));
    if (key.count == 0) {
      ++ordered;
      continue;
    }
    put_varint(block.extension, ordered << 1);
    put_varint(block.extension, key.count);
    ordered = 0;
  }
  const auto [first, last] = std::ranges::minmax(keys);
  block.info.lane = lane;
  block.info.frames = static_cast<std::uint32_t>(keys.size());
  block.info.first_ns = first.time_ns;
  block.info.last_ns = last.time_ns;
  block.info.order_first_ns = keys.front().time_ns;
  block.info.order_first_count = keys.front().count;
  block.info.order_last_ns = keys.back().time_ns;
  block.info.wire_bytes = block.info.captured_bytes = keys.size() * kFrameBytes;
  return block;
}

/// A finished segment without an index in the folder `packets`; returns its path.
inline std::string write_hand_made(const std::string& packets, std::uint8_t id,
                                   const std::vector<HandMadeBlock>& blocks) {
  ContainerIdentity identity;
  identity.kind = kKindPackets;
  identity.link_type = kLinkEthernet;
  identity.snap_length = kFrameBytesMax;
  identity.segment_id.fill(id);
  FinalName name{INT64_MAX, INT64_MIN, 0, 0, id_high(identity.segment_id)};
  const ByteBuffer lead(kPcapHeaderBytes, 0);
  Result<ContainerWriter> writer =
      ContainerWriter::create(real_disk(), packets + "/hand-made", identity, lead);
  REQUIRE(writer.ok());
  BlockEncoder encoder(65536, 1);
  for (const HandMadeBlock& block : blocks) {
    REQUIRE(writer->append(block.info, encoder.wrap_raw(block.content), block.extension).ok());
    name.first_ns = std::min(name.first_ns, block.info.first_ns);
    name.last_ns = std::max(name.last_ns, block.info.last_ns);
  }
  const std::string path = packets + "/" + final_name(name, kPacketSuffix);
  REQUIRE(writer->publish(path).ok());
  return path;
}

/// A segment of which one block is wrong in its order, though all its checksums are right.
struct OrderLie {
  std::string name;
  std::vector<HandMadeBlock> blocks;
  std::uint32_t lying = 0;  // number of the block
};

/// The first is none. Three lanes, two blocks of five frames each, one frame every `step_ns` in turn.
inline std::vector<OrderLie> make_order_lies(TimeNs begin_ns, TimeNs step_ns) {
  const auto key = [&](std::int64_t place) { return OrderKey{begin_ns + place * step_ns, 0}; };
  std::vector<HandMadeBlock> honest;
  for (const std::int64_t first : {0, 15}) {
    for (std::uint16_t lane = 0; lane < 3; ++lane) {
      std::vector<OrderKey> keys;
      for (std::int64_t i = 0; i < 5; ++i) keys.push_back(key(first + 3 * i + lane));
      honest.push_back(make_block(lane, keys));
    }
  }
  const std::uint32_t lying = 4;  // lane 1, with the frames 16, 19, 22, 25, 28
  std::vector<OrderLie> lies{{"none", honest, 0}};
  const auto add = [&](std::string name, const auto& change) {
    lies.push_back({std::move(name), honest, lying});
    change(lies.back().blocks[lying]);
  };
  add("first time is later", [&](HandMadeBlock& block) { block.info.order_first_ns = key(27).time_ns; });
  add("first time is earlier", [&](HandMadeBlock& block) { block.info.order_first_ns -= 1; });
  add("first count is another", [&](HandMadeBlock& block) { block.info.order_first_count = 1; });
  add("last time is earlier", [&](HandMadeBlock& block) { block.info.order_last_ns = key(20).time_ns; });
  add("last time is later", [&](HandMadeBlock& block) { block.info.order_last_ns = key(500).time_ns; });
  add("frames in another order", [&](HandMadeBlock& block) {
    block = make_block(1, {key(16), key(22), key(19), key(25), key(28)});
  });
  add("frames of the same key", [&](HandMadeBlock& block) {
    block = make_block(1, {key(16), key(19), {key(19).time_ns, 2}, {key(19).time_ns, 2}, key(28)});
  });
  add("frames before those of the block before", [&](HandMadeBlock& block) {
    block = make_block(1, {key(7), key(10), key(19), key(25), key(28)});
  });
  add("begins with the frame that ends the block before", [&](HandMadeBlock& block) {
    block = make_block(1, {key(13), key(19), key(22), key(25), key(28)});
  });
  return lies;
}

}  // namespace tapline::storage

// The end of a segment that is being written: what is not there yet is no damage, what had been synced is.

#include <fstream>

#include "storage/container_layout.hpp"
#include "storage/verification.hpp"
#include "tests/query/store_answer.hpp"
#include "tests/storage/hand_made_segment.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;

namespace {

constexpr TimeNs kBeginNs = 1'700'000'000 * kNsPerSecond;
constexpr std::uint32_t kBlocks = 6;
constexpr std::uint32_t kFrames = 5;

/// An open segment of one lane, synced once after `synced` blocks; where the content of block `zeroed` begins
/// is zero by now.
std::string write_open(const TestStore& store, std::uint32_t synced, std::uint32_t zeroed,
                       std::uint64_t ahead_bytes) {
  storage::ContainerIdentity identity;
  identity.kind = storage::kKindPackets;
  identity.link_type = kLinkEthernet;
  identity.snap_length = kFrameBytesMax;
  identity.segment_id.fill(1);
  const std::string path =
      store.packets() + "/" + storage::open_name(identity.segment_id, storage::kPacketSuffix);
  const ByteBuffer lead(storage::kPcapHeaderBytes, 0);
  Result<storage::ContainerWriter> writer =
      storage::ContainerWriter::create(real_disk(), path, identity, lead);
  REQUIRE(writer.ok());
  storage::BlockEncoder encoder(65536, 1);
  std::uint64_t zeroed_at = 0;
  for (std::uint32_t number = 0; number < kBlocks; ++number) {
    std::vector<OrderKey> keys;
    for (std::uint32_t i = 0; i < kFrames; ++i) keys.push_back({kBeginNs + number * kFrames + i, 0});
    const storage::HandMadeBlock block = storage::make_block(0, keys);
    if (number == zeroed) zeroed_at = writer->file_bytes() + storage::total_bytes(0, 20);
    REQUIRE(writer->append(block.info, encoder.wrap_raw(block.content), block.extension).ok());
    if (number + 1 == synced) REQUIRE(writer->sync().ok());
  }
  REQUIRE(writer->flush().ok());
  const std::uint64_t end = writer->file_bytes();
  std::filesystem::resize_file(path, end + ahead_bytes);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(zeroed_at));
  file.write("\0\0\0\0\0\0\0\0", 8);
  REQUIRE(file.good());
  return path;
}

}  // namespace

TEST_CASE("a block whose content is not there yet is no hole; one that had been synced is") {
  const std::uint32_t synced = 4;
  const std::uint32_t zeroed = GENERATE(2u, 4u, 5u);
  const std::uint64_t ahead_bytes = GENERATE(0u, 700u, 100'000u);
  const unsigned threads = GENERATE(1u, 3u);
  CAPTURE(zeroed, ahead_bytes, threads);
  const TestStore store;
  const std::string path = write_open(store, synced, zeroed, ahead_bytes);
  const Answer answer = extract(*store, ask(""), with_threads(threads));
  CHECK(answer.frames.size() == (kBlocks - 1) * kFrames);
  std::vector<Hole> holes = answer.coverage.holes;
  std::erase_if(holes, [](const Hole& hole) { return hole.reason != HoleReason::kCorrupt; });
  CHECK(holes.size() == (zeroed < synced ? 1 : 0));

  for (const bool deep : {false, true}) {
    const storage::CatalogFile file = scan(*store).segments.at(0);
    const Result<storage::VerifiedFile> verified = storage::verify_file(file, {.deep = deep});
    REQUIRE(verified.ok() == (zeroed >= synced));
    if (!verified) continue;
    CHECK(verified->open);
    CHECK(verified->blocks == zeroed);
    CHECK(verified->torn_bytes > 0);
    CHECK(verified->torn_bytes < 2000);  // without what the length is ahead
  }
}

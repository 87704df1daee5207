// A question about packets to a store with one segment and its index from the input, behind the checksums:
// planned by footer and index, then answered. The answer stays within the window and in order, whatever the
// blocks say of theirs.
//
// Input: 1 byte (question), 1 byte (bit 0: the segment is still open, the index a step of it; bit 1: the
// index is that of the segment, whatever it says), 2 bytes (length of the segment), the segment, the index.

#include <algorithm>
#include <array>
#include <filesystem>

#include "capture/base/check.hpp"
#include "storage/file_names.hpp"
#include "storage/query/extraction.hpp"
#include "storage/query/packet_expiry.hpp"
#include "tests/fuzz/fuzz_folder.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/right_checksums.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kFramesRead = 2000;  // more of them would only cost the fuzzer its time
constexpr std::size_t kHeadBytes = 4;

/// A store whose only segment is a file in memory.
class MemoryStore {
 public:
  explicit MemoryStore(bool open) : store_(*Store::open_or_create(folder_.path() + "/store", "fuzz")) {
    constexpr SegmentId kId{1, 2};
    const FinalName name{0, 4'000'000'000'000'000'000, 0, 0, id_high(kId)};
    const std::string folder = store_.packets_directory() + "/";
    fs::create_symlink(segment.path(),
                       folder + (open ? open_name(kId, kPacketSuffix) : final_name(name, kPacketSuffix)));
    fs::create_symlink(index.path(), folder + (open ? step_name(kId, 0, 2) : final_name(name, kIndexSuffix)));
  }
  const Store& operator*() const { return store_; }

  MemoryFile segment;
  MemoryFile index;

 private:
  FuzzFolder folder_;
  Store store_;
};

query::PacketQuestion question_of(std::uint8_t number) {
  static const std::array<query::Filter, 4> kFilters{*query::Filter::parse("", {}),
                                                     *query::Filter::parse("host 10.0.0.1 or port 53", {}),
                                                     *query::Filter::parse("not tcp and net 10.0.0.0/8", {}),
                                                     *query::Filter::parse("vlan or icmp or arp", {})};
  query::PacketQuestion question{kFilters[number % kFilters.size()], {}, {}};
  if (number & 0x80) question.window = {1'700'000'000 * kNsPerSecond, 1'800'000'000 * kNsPerSecond};
  return question;
}

void answer(const Store& store, const query::PacketQuestion& question) {
  query::ReadLimits limits;
  limits.memory_bytes_max = 16u << 20;
  Result<query::Extraction> extraction = query::Extraction::prepare(store, question, limits);
  if (!extraction) return;
  std::uint64_t frames = 0;
  OrderKey last{INT64_MIN, 0};
  for (const Frame* frame = extraction->next(); frame != nullptr; frame = extraction->next()) {
    TAPLINE_CHECK(question.window.contains(frame->time_ns));
    TAPLINE_CHECK(last <= frame->order);
    last = frame->order;
    if (++frames == kFramesRead) break;
  }
  static_cast<void>(query::format_coverage(extraction->coverage()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryStore finished(false);
  static MemoryStore open(true);
  if (size < kHeadBytes) return 0;
  const auto segment_bytes = std::min<std::size_t>(load_le<std::uint16_t>(data + 2), size - kHeadBytes);
  ByteBuffer segment(data + kHeadBytes, data + kHeadBytes + segment_bytes);
  ByteBuffer index(data + kHeadBytes + segment_bytes, data + size);
  fix_container_checksums(segment);
  if (index.size() >= sizeof(IndexHeader)) {
    constexpr std::size_t kIdAt = offsetof(SegmentHeader, segment_id);
    if ((data[1] & 2) != 0 && segment.size() >= kFirstBlockOffset)
      std::copy_n(segment.data() + right_checksums::kHeaderOffset + kIdAt, sizeof(SegmentId),
                  index.data() + offsetof(IndexHeader, segment_id));
    static_cast<void>(fix_index_checksums(index));
  }
  MemoryStore& store = (data[1] & 1) != 0 ? open : finished;
  store.segment.fill(segment);
  store.index.fill(index);
  answer(*store, question_of(data[0]));
  const Result<Catalog> catalog = Catalog::scan(*store);
  if (catalog) static_cast<void>(query::PacketExpiry(*catalog).of({}));
  return 0;
}

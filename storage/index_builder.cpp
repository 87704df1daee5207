#include "storage/index_builder.hpp"

#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "storage/container_layout.hpp"
#include "storage/radix_sort.hpp"

namespace tapline::storage {
namespace {

constexpr unsigned kBlockBits = 24;
constexpr std::uint64_t kBlockMask = (1u << kBlockBits) - 1;
constexpr std::size_t kChunkBytesTarget = 4096;
constexpr std::size_t kEntryPostingsMax = 1024;  // longer lists continue in a further entry of the same key

/// Bits of the values of a narrow kind: how much there is to sort by.
unsigned value_bits(IndexKeyKind kind) {
  switch (kind) {
    case IndexKeyKind::kFlow:
    case IndexKeyKind::kUid:
      return kHashKeyBits;
    case IndexKeyKind::kIpv4:
    case IndexKeyKind::kTunnelId:
      return 32;
    case IndexKeyKind::kProtoPort:
      return 24;
    default:
      return 20;
  }
}

/// Encodes one section: chunks of delta-coded entries, and their directory.
class SectionEncoder {
 public:
  explicit SectionEncoder(ByteBuffer& out) : out_(out) {}

  void add(std::uint64_t value, std::span<const std::uint32_t> blocks) {
    ++section_.keys;
    section_.postings += blocks.size();
    for (std::size_t at = 0; at < blocks.size(); at += kEntryPostingsMax) {
      add_entry(value, blocks.subspan(at, std::min(kEntryPostingsMax, blocks.size() - at)));
    }
  }

  IndexSection finish(IndexKeyKind kind) {
    close_chunk();
    section_.kind = static_cast<std::uint32_t>(kind);
    section_.chunk_count = static_cast<std::uint32_t>(directory_.size());
    section_.directory_offset = out_.size();
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(directory_.data()),
                      directory_.size() * sizeof(IndexChunk));
    section_.directory_checksum = XXH3_64bits(bytes.data(), bytes.size());
    put_bytes(out_, bytes);
    return section_;
  }

 private:
  void add_entry(std::uint64_t value, std::span<const std::uint32_t> blocks) {
    if (chunk_open_ && out_.size() - chunk_offset_ >= kChunkBytesTarget) close_chunk();
    if (!chunk_open_) {
      chunk_open_ = true;
      chunk_offset_ = out_.size();
      directory_.push_back({value, chunk_offset_, 0, 0});
      previous_value_ = value;
    }
    put_varint(out_, value - previous_value_);
    previous_value_ = value;
    // The first block and the length, if it is at most 3, share a varint: most lists are that short.
    const std::uint64_t length_code = std::min<std::uint64_t>(blocks.size() - 1, 3);
    put_varint(out_, std::uint64_t{blocks[0]} << 2 | length_code);
    if (length_code == 3) put_varint(out_, blocks.size() - 4);
    for (std::size_t i = 1; i < blocks.size(); ++i) put_varint(out_, blocks[i] - blocks[i - 1] - 1);
  }

  void close_chunk() {
    if (!chunk_open_) return;
    chunk_open_ = false;
    IndexChunk& chunk = directory_.back();
    chunk.chunk_bytes = static_cast<std::uint32_t>(out_.size() - chunk_offset_);
    chunk.checksum = static_cast<std::uint32_t>(XXH3_64bits(out_.data() + chunk_offset_, chunk.chunk_bytes));
    TAPLINE_CHECK(chunk.chunk_bytes <= kIndexChunkBytesMax);
  }

  ByteBuffer& out_;
  IndexSection section_{};
  std::vector<IndexChunk> directory_;
  std::uint64_t previous_value_ = 0;
  std::size_t chunk_offset_ = 0;
  bool chunk_open_ = false;
};

/// Groups sorted postings by value, drops repetitions, and hands each list to the encoder.
template <class Items, class ValueOf, class BlockOf>
void encode_groups(const Items& items, ValueOf value_of, BlockOf block_of, SectionEncoder& encoder) {
  std::vector<std::uint32_t> blocks;
  for (std::size_t i = 0; i < items.size();) {
    const std::uint64_t value = value_of(items[i]);
    blocks.clear();
    for (; i < items.size() && value_of(items[i]) == value; ++i) {
      if (blocks.empty() || blocks.back() != block_of(items[i])) blocks.push_back(block_of(items[i]));
    }
    encoder.add(value, blocks);
  }
}

}  // namespace

void IndexBuilder::sort(NarrowPostings& postings) {
  for (std::size_t kind = 0; kind < postings.size(); ++kind) {
    // By value; blocks within a value stay ascending.
    if (postings[kind].empty()) continue;
    std::vector<std::uint64_t> scratch;
    radix_sort(postings[kind], kBlockBits, value_bits(static_cast<IndexKeyKind>(kind)), scratch);
  }
}

void IndexBuilder::sort_ahead() {
  const auto postings = std::make_shared<NarrowPostings>(std::exchange(narrow_, {}));
  const auto work = [postings] {
    sort(*postings);
    return std::move(*postings);
  };
  // Where no thread can be had, get() does it, with another copy of `work`: its postings must be shared.
  sorted_ = std::async(std::launch::async | std::launch::deferred, work);
}

IndexBuilder::NarrowPostings IndexBuilder::take_sorted() {
  NarrowPostings last = std::exchange(narrow_, {});
  sort(last);
  if (!sorted_.valid()) return last;
  NarrowPostings postings = sorted_.get();
  for (std::size_t kind = 0; kind < postings.size(); ++kind) {
    // By value and then by block, as the earlier blocks are all in the one.
    std::vector<std::uint64_t> merged(postings[kind].size() + last[kind].size());
    std::ranges::merge(postings[kind], last[kind], merged.begin());
    postings[kind].swap(merged);
  }
  return postings;
}

void IndexBuilder::post(IndexKey key, std::uint32_t block) {
  ++postings_;
  if (key.kind == IndexKeyKind::kIpv6) {
    wide_.push_back({key.value, block});
    return;
  }
  std::vector<std::uint64_t>& postings = narrow_[static_cast<std::size_t>(key.kind)];
  // By four at once: moving costs more than room that is never touched.
  if (postings.size() == postings.capacity())
    postings.reserve(std::max<std::size_t>(1024, 4 * postings.size()));
  postings.push_back(key.value << kBlockBits | block);
}

ByteBuffer IndexBuilder::finish(const SegmentId& segment_id, std::uint32_t block_count) {
  const NarrowPostings narrow = take_sorted();
  std::vector<IndexSection> sections;
  std::size_t section_count = wide_.empty() ? 0 : 1;
  for (const auto& items : narrow) section_count += items.empty() ? 0 : 1;
  ByteBuffer out(sizeof(IndexHeader) + section_count * sizeof(IndexSection));
  for (std::uint32_t number = 0; number < kIndexKeyKindCount; ++number) {
    const auto kind = static_cast<IndexKeyKind>(number);
    SectionEncoder encoder(out);
    if (kind == IndexKeyKind::kIpv6 && !wide_.empty()) {
      std::ranges::stable_sort(wide_, {}, &WidePosting::value);
      encode_groups(
          wide_, [](const WidePosting& p) { return p.value; }, [](const WidePosting& p) { return p.block; },
          encoder);
    } else if (!narrow[number].empty()) {
      encode_groups(
          narrow[number], [](std::uint64_t p) { return p >> kBlockBits; },
          [](std::uint64_t p) { return static_cast<std::uint32_t>(p & kBlockMask); }, encoder);
    } else {
      continue;
    }
    sections.push_back(encoder.finish(kind));
  }
  wide_.clear();
  postings_ = 0;

  IndexHeader header{};
  header.magic = kIndexMagic;
  header.header_bytes = sizeof header;
  header.version = kFormatVersion;
  header.block_count = block_count;
  std::ranges::copy(segment_id, header.segment_id);
  header.section_count = static_cast<std::uint32_t>(sections.size());
  header.file_bytes = out.size();
  header.sections_checksum = XXH3_64bits(sections.data(), sections.size() * sizeof(IndexSection));
  header.checksum = checksum_before(header, header.checksum);
  std::memcpy(out.data(), &header, sizeof header);
  std::ranges::copy(
      Bytes(reinterpret_cast<const std::uint8_t*>(sections.data()), sections.size() * sizeof(IndexSection)),
      out.begin() + sizeof header);
  return out;
}

}  // namespace tapline::storage

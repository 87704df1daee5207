#include "storage/stranded_blocks.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "storage/container_layout.hpp"

namespace tapline::storage {
namespace {

constexpr std::size_t kWindowBytes = 1u << 20;
constexpr std::size_t kHeadBytes = sizeof(SkippableHeader) + sizeof(BlockHeader);

class Search {
 public:
  Search(const File& file, std::uint64_t segment_tag, std::uint64_t file_bytes)
      : file_(file), segment_tag_(segment_tag), file_bytes_(file_bytes) {}

  Result<StrandedBlocks> run(std::uint64_t offset) {
    while (offset + kHeadBytes <= file_bytes_) {
      const Result<Bytes> window = read_window(offset);
      if (!window) return window.error();
      const Bytes magics = window->subspan(sizeof(SkippableHeader));
      const void* const magic = ::memmem(magics.data(), magics.size(), &kBlockMagic, sizeof kBlockMagic);
      if (magic == nullptr) {
        offset += magics.size() - sizeof kBlockMagic + 1;
        continue;
      }
      offset += static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(magic) - magics.data());
      const Result<std::uint64_t> next = look_at(offset);
      if (!next) return next.error();
      offset = *next;
    }
    return found_;
  }

 private:
  /// What is in memory from `offset` on: a head at least. Read again only where it is not.
  Result<Bytes> read_window(std::uint64_t offset) {
    if (offset < window_offset_ || offset + kHeadBytes > window_offset_ + window_.size()) {
      window_.resize(std::min<std::uint64_t>(kWindowBytes, file_bytes_ - offset));
      window_offset_ = offset;
      TAPLINE_TRY(file_.pread_exact(offset, window_));
    }
    return Bytes(window_).subspan(offset - window_offset_);
  }

  /// Where to go on looking. Frames may hold any bytes, but not this file's tag: nothing is read for them.
  Result<std::uint64_t> look_at(std::uint64_t offset) {
    if (offset + kHeadBytes > file_bytes_) return file_bytes_;
    const Result<Bytes> head = read_window(offset);
    if (!head) return head.error();
    const auto frame = load_le<SkippableHeader>(head->data());
    const auto header = load_le<BlockHeader>(head->data() + sizeof frame);
    const std::uint64_t bytes = total_bytes(header.extension_bytes, header.stored_bytes);
    if (header.segment_tag != segment_tag_ || header.file_offset != offset ||
        !lengths_sane(header.extension_bytes, header.stored_bytes, header.raw_bytes) ||
        bytes > file_bytes_ - offset) {
      return offset + 1;
    }
    block_.resize(bytes);
    TAPLINE_TRY(file_.pread_exact(offset, block_));
    const Bytes extension = Bytes(block_).subspan(kHeadBytes, header.extension_bytes);
    if (!header_valid(frame, header, extension, segment_tag_, offset, header.sequence)) return offset + 1;
    const Bytes stored = Bytes(block_).last(header.stored_bytes);
    const bool good = XXH3_64bits(stored.data(), stored.size()) == header.stored_checksum;
    add(header, good);
    return offset + (good ? bytes : kHeadBytes);
  }

  void add(const BlockHeader& header, bool good) {
    if (found_.headers == 0) {
      found_.first_ns = header.first_ns;
      found_.last_ns = header.last_ns;
    }
    found_.first_ns = std::min(found_.first_ns, header.first_ns);
    found_.last_ns = std::max(found_.last_ns, header.last_ns);
    ++found_.headers;
    found_.good += good ? 1 : 0;
    found_.synced_blocks = std::max(found_.synced_blocks, header.synced_blocks);
  }

  const File& file_;
  std::uint64_t segment_tag_;
  std::uint64_t file_bytes_;
  std::vector<std::uint8_t> window_;
  std::uint64_t window_offset_ = 0;
  std::vector<std::uint8_t> block_;
  StrandedBlocks found_;
};

}  // namespace

Result<StrandedBlocks> find_stranded_blocks(const File& file, std::uint64_t segment_tag,
                                            std::uint64_t from_bytes) {
  const Result<std::uint64_t> file_bytes = file.size_bytes();
  if (!file_bytes) return file_bytes.error();
  return Search(file, segment_tag, *file_bytes).run(from_bytes);
}

}  // namespace tapline::storage

#pragma once
// Verification: does a file of the store hold what it says? Every checksum of segments, session files and the
// ledger, the footer's totals and root against the blocks, every posting of a segment's index, and with
// `deep` the decoded content: pcap records, their number, times and order, and that the index is the one its
// frames give. Indexes of session files are not looked at: they only save reading, and a question passes over
// a damaged one. One block and, with `deep`, the postings of one index in memory.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "capture/base/result.hpp"
#include "storage/catalog.hpp"
#include "storage/file_chain.hpp"

namespace tapline::storage {

struct VerifyOptions {
  bool deep = false;
  /// Called after every block and index with the bytes that were read; where it says false, verify_file()
  /// returns as `stopped`. Empty: never called.
  std::function<bool(std::uint64_t bytes)> on_read = {};
};

struct VerifiedFile {
  std::uint64_t blocks = 0;
  std::uint64_t frames = 0;  // or rows
  std::uint64_t file_bytes = 0;
  std::uint64_t index_bytes = 0;  // of the segment's index
  bool open = false;  // still being written, or left by a dead writer: complete blocks were checked
  std::uint64_t torn_bytes = 0;   // `.open` files: behind the last complete block; not an error
  bool index_missing = false;     // segments: no index; questions read it whole
  bool expired = false;           // the ring has dropped it since it was listed: nothing was checked
  bool stopped = false;           // VerifyOptions::on_read wanted so: what was read is right
  std::optional<ChainLink> link;  // which file it follows; none if it expired or was stopped
};

/// Of a store that is being written, too: a file that was published since it was listed is found again.
/// kCorrupt names file, offset and what does not match. Another code: the file could not be read.
Result<VerifiedFile> verify_file(CatalogFile file, const VerifyOptions& options);

}  // namespace tapline::storage

#pragma once
// Verification: does a file of the store hold what it says? Every checksum of segments, session files and the
// ledger, the footer's totals and root against the blocks, every posting of a segment's index, and with
// `deep` the decoded content: pcap records, their number and times, and that the index is the one its frames
// give. Indexes of session files are not looked at: they only save reading, and a question passes over a
// damaged one.

#include <cstdint>
#include <string>

#include "capture/base/result.hpp"
#include "storage/catalog.hpp"

namespace tapline::storage {

struct VerifiedFile {
  std::uint64_t blocks = 0;
  std::uint64_t frames = 0;  // or rows
  std::uint64_t file_bytes = 0;
  bool open = false;  // still being written, or left by a dead writer: complete blocks were checked
  std::uint64_t torn_bytes = 0;  // `.open` files: behind the last complete block; not an error
  bool index_missing = false;    // segments: no index; questions read it whole
  bool expired = false;          // the ring has dropped it since it was listed: nothing was checked
};

/// Of a store that is being written, too: a file that was published since it was listed is found again.
/// kCorrupt names file, offset and what does not match. Another code: the file could not be read.
Result<VerifiedFile> verify_file(CatalogFile file, bool deep);

}  // namespace tapline::storage

#pragma once
// StrandedBlocks: the blocks of a file that cannot be reached by walking it, because something in front of
// them is damaged. They are looked for byte by byte. Only recovery does this, and only where a file does not
// end with its last good block.

#include <cstdint>

#include "capture/base/file.hpp"
#include "capture/base/time.hpp"

namespace tapline::storage {

struct StrandedBlocks {
  std::uint64_t headers = 0;        // whose checksum is right
  std::uint64_t good = 0;           // of them, those whose content's is, too
  std::uint32_t synced_blocks = 0;  // so many blocks of the file had been synced, as the headers tell
  TimeNs first_ns = 0;              // earliest and latest capture time that the headers tell; 0 without any
  TimeNs last_ns = 0;
};

/// In `file` from `from_bytes` to its end; `segment_tag` as in BlockHeader. Reads all of it once. Fails where
/// the disk does.
Result<StrandedBlocks> find_stranded_blocks(const File& file, std::uint64_t segment_tag,
                                            std::uint64_t from_bytes);

}  // namespace tapline::storage

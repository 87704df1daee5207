#pragma once
// Recovery: what is done, without being asked, about files whose writer died: the torn tail is cut at the
// last complete block, footer and index are written, the file gets its final name. Where good blocks stand
// behind a damaged one, that is no torn tail: from the damaged one on, the bytes are set aside under a name
// that tells coverage of which times frames may be missing. Only the holder of the store's lock calls this.

#include <string>
#include <string_view>
#include <vector>

#include "capture/base/time.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

/// What became of one `.open` file.
struct RecoveredFile {
  std::string open_path;
  // Empty: it held no good block and was removed, it is of a newer format and left alone, or all of it was
  // set aside.
  std::string final_path;
  std::string damaged_path;         // where what is damaged, or all of it, was set aside; else empty
  std::uint64_t damaged_bytes = 0;  // of that
  std::uint32_t blocks_kept = 0;
  // Of them: whole, but of content that cannot be parsed; the index says so.
  std::uint32_t blocks_unreadable = 0;
  std::uint64_t frames_kept = 0;  // or rows
  std::uint64_t torn_bytes = 0;   // cut behind the last complete block
  TimeNs last_ns = 0;             // latest capture time kept
  std::string problem;            // why something was set aside, left alone or cannot be read; else empty
};

/// For people: what became of it, in one line.
std::string describe(const RecoveredFile& recovered);

/// Cuts, finishes and publishes one `.open` file of any kind. May be repeated after an interruption, with the
/// same file as its result; what an interrupted call had cut may not be counted again. Fails where the
/// operating system does, and on newer formats (kUnsupported): damage is dealt with and reported.
Result<RecoveredFile> recover_file(Disk& disk, const std::string& open_path, std::string_view suffix);

/// Every `.open` file of the store; those of newer formats are left alone, with a problem. Those without a
/// segment header, the steps of segments, indexes without their file and drafts are removed.
Result<std::vector<RecoveredFile>> recover_store(const Store& store);

}  // namespace tapline::storage

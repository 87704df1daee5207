#pragma once
// Recovery: what is done, without being asked, about files whose writer died: the torn tail is cut at the
// last complete block, footer and index are written, the file gets its final name. Only the holder of the
// store's lock calls this.

#include <string>
#include <string_view>
#include <vector>

#include "capture/base/byte_writer.hpp"
#include "capture/base/time.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

/// What became of one `.open` file.
struct RecoveredFile {
  std::string open_path;
  std::string final_path;  // empty: it held no complete block and was removed
  std::uint32_t blocks_kept = 0;
  std::uint64_t frames_kept = 0;  // or rows
  std::uint64_t torn_bytes = 0;   // cut behind the last complete block
  TimeNs last_ns = 0;             // latest capture time kept
};

/// Cuts, finishes and publishes one `.open` file of any kind.
Result<RecoveredFile> recover_file(const std::string& open_path, std::string_view suffix);

/// Every `.open` file of the store. Those without a segment header, and the steps of segments, are removed.
Result<std::vector<RecoveredFile>> recover_store(const Store& store);

/// The index of a segment from its frames alone: the bytes that its writer would have written.
Result<ByteBuffer> build_index(const std::string& segment_path);

/// build_index(), published as `index_path`.
Status rebuild_index(const std::string& segment_path, const std::string& index_path);

}  // namespace tapline::storage

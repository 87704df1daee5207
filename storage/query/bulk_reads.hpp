#pragma once
// BulkReads: what an answer takes of segments of which it wants most, read in pieces of about 2 MiB, past the
// page cache (O_DIRECT) and ahead of those who decode. Against one pread a block that saves the kernel's copy
// and the pages that it would have to find for it, and keeps in the cache what others have there. What is in
// the cache already is left to pread: it is a copy then, and no access to the disk.
//
// A piece is read into one huge page, where the kernel gives such: one run of memory for the disk instead of
// 512 pages to be found and held. Where the memory has no room for eight of them, pieces of 1 MiB and
// ordinary pages do.
//
// A piece is a run of planned blocks that lie side by side in one finished segment. Pieces are read in the
// order in which their first blocks are wanted. A piece that cannot be read is left, too: whoever reads its
// blocks one by one finds out why.
//
// Memory: at most `memory_bytes_max` of pieces that are read and of which not all blocks are done; a piece in
// a huge page counts as one, however short it is. Any thread may call; four threads of its own do nothing but
// wait for the disk.

#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "storage/disk/direct_memory.hpp"
#include "storage/query/plan.hpp"
#include "storage/query/segment_readers.hpp"

namespace tapline::query {

/// A planned block of one of the segments of SegmentReaders, by its number there.
struct FetchJob {
  std::uint32_t segment = 0;
  PlannedBlock planned;
};

class BulkReads {
 public:
  /// `jobs`, which outlives this: in the order in which they will be wanted. Blocks of segments that
  /// `readers` takes for open, or of which few blocks are wanted, belong to no piece.
  BulkReads(SegmentReaders& readers, std::span<const FetchJob> jobs, std::uint64_t memory_bytes_max);
  ~BulkReads();
  BulkReads(const BulkReads&) = delete;
  BulkReads& operator=(const BulkReads&) = delete;

  /// Everything of one block, from its header on, until done(job); empty: it is for the caller to read. Waits
  /// while its piece is under way.
  Bytes wait(std::size_t job);
  /// Once for each job, whether wait() was called for it or nobody wants it.
  void done(std::size_t job);
  /// Whether the block belongs to a piece, so that nobody has to tell the disk of it.
  bool covers(std::size_t job) const { return piece_of_[job] != kNoPiece; }

 private:
  static constexpr std::uint32_t kNoPiece = 0xffffffff;
  enum class State : std::uint8_t { kWaiting, kBegun, kRead, kLeft };
  struct Piece {
    std::uint32_t segment = 0;
    State state = State::kWaiting;
    std::uint64_t offset = 0;  // of its first block
    std::uint64_t bytes = 0;
    std::uint32_t blocks_left = 0;
    std::size_t first_job = 0;
    DirectMemory buffer;
  };

  std::vector<std::size_t> suitable_jobs() const;
  void make_pieces();
  void run();
  std::uint64_t charge_of(const Piece& piece) const;
  bool has_room(const Piece& piece) const;
  void read_unlocked(Piece& piece, std::unique_lock<std::mutex>& lock);
  bool read(const Piece& piece, DirectMemory& buffer);

  SegmentReaders& readers_;
  const std::span<const FetchJob> jobs_;
  const std::uint64_t memory_bytes_max_;
  const bool huge_pages_;
  const std::uint64_t piece_bytes_max_;
  std::vector<std::uint32_t> piece_of_;  // by job; constant once made

  std::mutex mutex_;  // guards all that follows
  std::condition_variable changed_;
  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
  std::uint64_t charged_bytes_ = 0;
  std::vector<DirectMemory> free_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tapline::query

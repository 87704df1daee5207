#pragma once
// BlockFetch: the planned blocks of an answer, read, decoded, parsed and filtered before the merge wants
// them. All blocks are known beforehand, in the order in which they are going to be wanted; threads work
// through that list as far ahead as the memory allows. The merge's own thread never waits for room: a block
// that it wants and nobody has begun it fetches itself, and while others are at work on the wanted one it
// fetches the next. What it gets does not depend on the number of threads.
//
// The disk is told of some blocks ahead of those that are begun, so that it has several requests at a time
// even where one thread reads.
//
// Memory: what was fetched and is not yet released stays below `memory_bytes_max`, but for the blocks that
// the merge holds at the same time (one a lane) where these alone are more. Far less is used where that is
// enough: what waits longer for the merge has left the processor's caches. Each thread has one block of its
// own besides. Of a block of which less than half is wanted only the wanted frames are kept.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "capture/packet/frame.hpp"
#include "storage/query/bulk_reads.hpp"
#include "storage/query/plan.hpp"
#include "storage/query/read_limits.hpp"
#include "storage/query/segment_readers.hpp"

namespace tapline::query {

/// Frames are views into content.
struct FetchedBlock {
  Status status;  // else nothing but it
  storage::BlockHeader header{};
  std::vector<std::uint8_t> content;
  std::vector<Frame> frames;  // accepted ones
  OrderKey last_order{};      // of the last one that the block holds, accepted or not
  bool has_later = false;     // and others, later than PlannedBlock::order
  bool not_yet = false;       // ContainerReader::is_not_there_yet(): no frame, and no hole
  std::uint64_t charged_bytes = 0;

  OrderKey first_order() const { return {header.order_first_ns, header.order_first_count}; }
};

class BlockFetch {
 public:
  /// Called from all threads at once. Empty: every frame.
  using Accept = std::function<bool(const Frame&)>;

  /// `headers`: of the segments of `readers`, by number. `jobs`: in the order in which they will be taken. No
  /// thread starts before the first take().
  BlockFetch(SegmentReaders& readers, std::vector<storage::SegmentHeader> headers, std::vector<FetchJob> jobs,
             Accept accept, const ReadLimits& limits);
  ~BlockFetch();
  BlockFetch(const BlockFetch&) = delete;
  BlockFetch& operator=(const BlockFetch&) = delete;

  const FetchJob& job(std::size_t number) const { return jobs_[number]; }

  /// Waits for the block, or fetches it. Once for each job; the caller's thread only.
  FetchedBlock take(std::size_t job);
  /// Instead of take(): nobody wants it any more.
  void skip(std::size_t job);
  /// What take() gave is not needed any more.
  void release(FetchedBlock&& block);

  std::uint64_t blocks_read() const;
  std::uint64_t bytes_read() const;

 private:
  enum class State : std::uint8_t { kWaiting, kBegun, kReady, kUnwanted, kTaken };
  struct Workplace;

  std::uint64_t estimate_bytes(std::size_t job) const;
  void start_threads();
  void start_bulk_reads(std::uint64_t content_bytes);
  void run();
  /// The first job that nobody has begun, if there is room for it; else jobs_.size().
  std::size_t begin_next();
  void fetch_unlocked(std::size_t job, Workplace& place, std::unique_lock<std::mutex>& lock);
  void announce(std::size_t first, std::size_t end);
  FetchedBlock fetch(std::size_t job, Workplace& place);
  Status read(std::size_t job, Workplace& place, std::uint64_t& bytes, bool& not_yet);
  Status read_once(std::size_t job, const SegmentReaders::Reader& reader, Workplace& place,
                   std::uint64_t& bytes);
  Status parse(std::size_t job, Workplace& place) const;
  void wait_for_budget(std::uint64_t bytes);
  void leave_out(const TimeWindow& order, Workplace& place, FetchedBlock& block);
  void keep_accepted(const TimeWindow& order, Workplace& place, FetchedBlock& block);

  SegmentReaders& readers_;
  const std::vector<storage::SegmentHeader> headers_;
  const std::vector<FetchJob> jobs_;
  const Accept accept_;
  const ReadLimits limits_;
  std::unique_ptr<Workplace> own_place_;  // of the caller's thread
  std::uint64_t memory_bytes_max_;        // without that of bulk_
  std::uint64_t ahead_bytes_max_;
  std::unique_ptr<BulkReads> bulk_;  // where much is read; made before the threads

  mutable std::mutex mutex_;       // guards all that follows
  std::condition_variable room_;   // workers wait for it
  std::condition_variable ready_;  // the caller waits for it
  std::vector<State> states_;
  std::unordered_map<std::size_t, FetchedBlock> fetched_;
  std::size_t next_ = 0;       // all before it were begun
  std::size_t announced_ = 0;  // the disk was told of all before it
  std::uint64_t charged_bytes_ = 0;
  std::uint64_t ahead_bytes_ = 0;  // of charged_bytes_, what take() has not given out
  std::uint64_t used_bytes_ = 0;
  std::vector<FetchedBlock> used_;  // whose memory the next ones take over
  std::uint64_t blocks_read_ = 0;
  std::uint64_t bytes_read_ = 0;
  bool stopping_ = false;
  bool started_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tapline::query

#include "storage/query/bulk_reads.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <system_error>
#include <tuple>

#include "capture/base/check.hpp"
#include "storage/container_layout.hpp"

namespace tapline::query {
namespace {

/// Measured per GB on a virtual disk: 0.35 s of processor through the page cache; past it 0.19 s in reads of
/// 256 KiB, 0.07 s in reads of 1 MiB, 0.02 s in reads of 1 MiB to huge pages, 0.01 s in such of 2 MiB; and
/// the disk, which gave 1.0 GB/s to ordinary pages, gave 2.4 GB/s to huge ones.
constexpr std::uint64_t kSmallPieceBytesMax = 1 << 20;
/// Less memory is cut into pieces that are not worth a huge page.
constexpr std::uint64_t kHugePagesMin = 8;
/// Padding between blocks (FORMAT.md) is read along.
constexpr std::uint64_t kGapBytesMax = 2 * storage::kPaddingBytesMax;
/// A piece begins and ends anywhere within a page.
constexpr std::size_t kSmallBufferBytes = kSmallPieceBytesMax + 2 * kDirectAlignment;
constexpr std::uint64_t kHugePieceBytesMax = kHugePageBytes - 2 * kDirectAlignment;
constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 62;
constexpr unsigned kReadsUnderWay = 4;

std::uint64_t bytes_of(const storage::BlockEntry& entry) {
  return storage::total_bytes(entry.extension_bytes, entry.stored_bytes);
}

bool is_cached(int descriptor, std::uint64_t offset) {
  std::uint8_t byte = 0;
  const iovec one{&byte, 1};
  return ::preadv2(descriptor, &one, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

/// Through the descriptor, because the file may have another name by now, or none. -1 where the file system
/// has no such reads.
int open_direct(int descriptor) {
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor);
  return ::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
}

/// Reads [offset, offset + bytes) of `descriptor` and what alignment adds; false where less came.
bool read_all(int descriptor, std::uint64_t offset, std::uint64_t bytes, std::uint8_t* out) {
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t rest = (bytes - done + kDirectAlignment - 1) / kDirectAlignment * kDirectAlignment;
    const ssize_t count = ::pread(descriptor, out + done, rest, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::uint64_t>(count);
    if (done < bytes && done % kDirectAlignment != 0) return false;
  }
  return true;
}

}  // namespace

BulkReads::BulkReads(SegmentReaders& readers, std::span<const FetchJob> jobs, std::uint64_t memory_bytes_max)
    : readers_(readers),
      jobs_(jobs),
      memory_bytes_max_(memory_bytes_max),
      huge_pages_(memory_bytes_max >= kHugePagesMin * kHugePageBytes),
      piece_bytes_max_(huge_pages_ ? kHugePieceBytesMax : kSmallPieceBytesMax),
      piece_of_(jobs.size(), kNoPiece) {
  make_pieces();
  if (pieces_.empty()) return;
  try {  // std::thread reports by exceptions
    for (unsigned i = 0; i < kReadsUnderWay; ++i) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    // Those who decode read what nobody has begun.
  }
}

BulkReads::~BulkReads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

/// Jobs whose blocks may belong to a piece, by segment and place in it.
std::vector<std::size_t> BulkReads::suitable_jobs() const {
  std::vector<bool> suits(readers_.size());
  for (std::uint32_t segment = 0; segment < suits.size(); ++segment)
    suits[segment] = !readers_.file(segment).open && !readers_.single_blocks(segment);
  std::vector<std::size_t> jobs(jobs_.size());
  std::iota(jobs.begin(), jobs.end(), std::size_t{0});
  std::erase_if(jobs, [&](std::size_t job) {
    const storage::BlockEntry& entry = jobs_[job].planned.entry;
    // A damaged block table may say anything.
    return !suits[jobs_[job].segment] || entry.file_offset > kOffsetMax || bytes_of(entry) > piece_bytes_max_;
  });
  std::ranges::sort(jobs, {}, [&](std::size_t job) {
    return std::tuple(jobs_[job].segment, jobs_[job].planned.entry.file_offset);
  });
  return jobs;
}

void BulkReads::make_pieces() {
  for (const std::size_t job : suitable_jobs()) {
    const storage::BlockEntry& entry = jobs_[job].planned.entry;
    const std::uint64_t end = entry.file_offset + bytes_of(entry);
    const Piece* const last = pieces_.empty() ? nullptr : &pieces_.back();
    const bool goes_on = last != nullptr && last->segment == jobs_[job].segment &&
                         entry.file_offset >= last->offset + last->bytes &&
                         entry.file_offset - (last->offset + last->bytes) <= kGapBytesMax &&
                         end - last->offset <= piece_bytes_max_;
    if (!goes_on)
      pieces_.push_back({jobs_[job].segment, State::kWaiting, entry.file_offset, 0, 0, job, nullptr});
    Piece& piece = pieces_.back();
    piece.bytes = end - piece.offset;
    piece.first_job = std::min(piece.first_job, job);
    ++piece.blocks_left;
    piece_of_[job] = static_cast<std::uint32_t>(pieces_.size() - 1);
  }
  // From here on by the first block that is wanted.
  std::vector<std::uint32_t> place_of(pieces_.size());
  std::vector<std::uint32_t> order(pieces_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [this](std::uint32_t piece) { return pieces_[piece].first_job; });
  for (std::uint32_t place = 0; place < order.size(); ++place) place_of[order[place]] = place;
  std::ranges::sort(pieces_, {}, &Piece::first_job);
  for (std::uint32_t& piece : piece_of_) piece = piece == kNoPiece ? kNoPiece : place_of[piece];
}

std::uint64_t BulkReads::charge_of(const Piece& piece) const {
  return huge_pages_ ? kHugePageBytes : piece.bytes;
}

bool BulkReads::has_room(const Piece& piece) const {
  return charged_bytes_ + charge_of(piece) <= memory_bytes_max_;
}

void BulkReads::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    while (next_ < pieces_.size() &&
           (pieces_[next_].state != State::kWaiting || pieces_[next_].blocks_left == 0))
      ++next_;
    if (next_ == pieces_.size()) return;
    if (has_room(pieces_[next_])) {
      read_unlocked(pieces_[next_], lock);
    } else {
      changed_.wait(lock);
    }
  }
}

/// `lock` is held before and after, and not while the disk is at work.
void BulkReads::read_unlocked(Piece& piece, std::unique_lock<std::mutex>& lock) {
  piece.state = State::kBegun;
  charged_bytes_ += charge_of(piece);
  DirectMemory buffer;
  if (!free_.empty()) {
    buffer = std::move(free_.back());
    free_.pop_back();
  }
  lock.unlock();
  const bool whole = read(piece, buffer);
  lock.lock();
  piece.state = whole ? State::kRead : State::kLeft;
  if (whole && piece.blocks_left > 0) {
    piece.buffer = std::move(buffer);
  } else {
    charged_bytes_ -= charge_of(piece);
    if (buffer) free_.push_back(std::move(buffer));
  }
  changed_.notify_all();
}

/// Unlocked; segment, offset and bytes of a piece never change.
bool BulkReads::read(const Piece& piece, DirectMemory& buffer) {
  const Result<SegmentReaders::Reader> reader = readers_.open(piece.segment);
  if (!reader || is_cached((*reader)->descriptor(), piece.offset)) return false;
  if (!buffer) buffer = allocate_direct(huge_pages_ ? kHugePageBytes : kSmallBufferBytes);
  if (!buffer) return false;
  const int descriptor = open_direct((*reader)->descriptor());
  if (descriptor < 0) return false;
  const std::uint64_t before = piece.offset % kDirectAlignment;
  const bool whole = read_all(descriptor, piece.offset - before, before + piece.bytes, buffer.get());
  ::close(descriptor);
  return whole;
}

Bytes BulkReads::wait(std::size_t job) {
  if (!covers(job)) return {};
  std::unique_lock lock(mutex_);
  Piece& piece = pieces_[piece_of_[job]];
  if (piece.state == State::kWaiting && has_room(piece)) read_unlocked(piece, lock);
  changed_.wait(lock, [&] { return piece.state != State::kBegun; });
  if (piece.state != State::kRead) return {};
  const storage::BlockEntry& entry = jobs_[job].planned.entry;
  const std::uint64_t at = piece.offset % kDirectAlignment + (entry.file_offset - piece.offset);
  return {piece.buffer.get() + at, bytes_of(entry)};
}

void BulkReads::done(std::size_t job) {
  if (!covers(job)) return;
  const std::lock_guard lock(mutex_);
  Piece& piece = pieces_[piece_of_[job]];
  TAPLINE_CHECK(piece.blocks_left > 0);
  if (--piece.blocks_left > 0 || piece.state != State::kRead) return;
  charged_bytes_ -= charge_of(piece);
  free_.push_back(std::move(piece.buffer));
  changed_.notify_all();
}

}  // namespace tapline::query

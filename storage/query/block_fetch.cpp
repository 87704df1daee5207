#include "storage/query/block_fetch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "capture/base/check.hpp"
#include "storage/block_frames.hpp"
#include "storage/container_layout.hpp"
#include "storage/query/frame_run.hpp"

namespace tapline::query {

/// What a thread needs to fetch one block after the other.
struct BlockFetch::Workplace {
  storage::BlockDecoder decoder;
  storage::DecodedBlock block;
  std::vector<Frame> frames;
};

namespace {

/// Blocks that the disk is told of ahead: 4 MiB of usual ones are some milliseconds of any disk.
constexpr std::size_t kAnnouncedJobs = 16;

/// Decoded and not yet taken, for each thread: 32 usual blocks, so that who merges seldom finds none.
constexpr std::uint64_t kAheadBytesAThread = 8 << 20;

/// Of the memory, for pieces that are read and of which not all blocks were wanted yet.
constexpr std::uint64_t kBulkMemoryShare = 4;

std::uint64_t size_of(const FetchedBlock& block) {
  return block.content.capacity() + block.frames.capacity() * sizeof(Frame);
}

/// Copies the frames' records to `content`, one after the other, and points the frames there.
void move_records(std::vector<Frame>& frames, std::uint64_t bytes, std::vector<std::uint8_t>& content) {
  content.resize(bytes);
  std::uint8_t* at = content.data();
  for (Frame& frame : frames) {
    const Bytes record = record_of(frame);
    std::ranges::copy(record, at);
    frame.data = at + storage::kPcapRecordHeaderBytes;
    at += record.size();
  }
}

}  // namespace

BlockFetch::BlockFetch(SegmentReaders& readers, std::vector<storage::SegmentHeader> headers,
                       std::vector<FetchJob> jobs, Accept accept, const ReadLimits& limits)
    : readers_(readers),
      headers_(std::move(headers)),
      jobs_(std::move(jobs)),
      accept_(std::move(accept)),
      limits_(limits),
      own_place_(std::make_unique<Workplace>()),
      memory_bytes_max_(limits.memory_bytes_max),
      ahead_bytes_max_(kAheadBytesAThread * limits.threads),
      states_(jobs_.size(), State::kWaiting) {}

BlockFetch::~BlockFetch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::uint64_t BlockFetch::blocks_read() const {
  const std::lock_guard lock(mutex_);
  return blocks_read_;
}

std::uint64_t BlockFetch::bytes_read() const {
  const std::lock_guard lock(mutex_);
  return bytes_read_;
}

/// From the block table, which may say anything: the block will be refused where it is too large.
std::uint64_t BlockFetch::estimate_bytes(std::size_t job) const {
  const storage::BlockEntry& entry = jobs_[job].planned.entry;
  const std::uint32_t raw_bytes = std::min(entry.raw_bytes, storage::kBlockRawBytesMax);
  const std::uint32_t frames = std::min(entry.frames, raw_bytes / storage::kPcapRecordHeaderBytes);
  return raw_bytes + frames * sizeof(Frame);
}

void BlockFetch::start_bulk_reads(std::uint64_t content_bytes) {
  const bool limited = limits_.budget != nullptr && limits_.budget->limited();
  if (limited || content_bytes < limits_.bulk_bytes_min) return;
  const std::uint64_t bulk_bytes_max = limits_.memory_bytes_max / kBulkMemoryShare;
  memory_bytes_max_ -= bulk_bytes_max;
  bulk_ = std::make_unique<BulkReads>(readers_, jobs_, bulk_bytes_max);
}

void BlockFetch::start_threads() {
  started_ = true;
  if (limits_.threads < 2) return;
  std::uint64_t content_bytes = 0;
  for (const FetchJob& job : jobs_) content_bytes += job.planned.entry.raw_bytes;
  start_bulk_reads(content_bytes);
  if (jobs_.size() < 2 || content_bytes < limits_.alone_bytes_max) return;
  const std::size_t count = std::min<std::size_t>(limits_.threads, jobs_.size()) - 1;
  try {  // std::thread reports by exceptions
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    // Those that there are do it, and if there is none, the caller does.
  }
}

void BlockFetch::run() {
  Workplace place;
  std::unique_lock lock(mutex_);
  while (!stopping_ && next_ < jobs_.size()) {
    const std::size_t job = begin_next();
    if (job == jobs_.size()) {
      room_.wait(lock);
    } else {
      fetch_unlocked(job, place, lock);
    }
  }
}

std::size_t BlockFetch::begin_next() {
  while (next_ < jobs_.size() && states_[next_] != State::kWaiting) ++next_;
  if (next_ == jobs_.size()) {
    room_.notify_all();  // nothing is left to wait for
    return jobs_.size();
  }
  const std::uint64_t estimate = estimate_bytes(next_);
  if (ahead_bytes_ > 0 && ahead_bytes_ + estimate > ahead_bytes_max_) return jobs_.size();
  if (charged_bytes_ + used_bytes_ + estimate > memory_bytes_max_) {
    used_.clear();
    used_bytes_ = 0;
  }
  if (charged_bytes_ + estimate > memory_bytes_max_) return jobs_.size();
  return next_++;
}

/// `lock` is held before and after, and not while the block is fetched.
void BlockFetch::fetch_unlocked(std::size_t job, Workplace& place, std::unique_lock<std::mutex>& lock) {
  const std::uint64_t estimate = estimate_bytes(job);
  states_[job] = State::kBegun;
  charged_bytes_ += estimate;
  ahead_bytes_ += estimate;
  const std::size_t announce_from = std::max(announced_, job);
  announced_ = std::max(announced_, std::min(job + kAnnouncedJobs, jobs_.size()));
  const std::size_t announce_end = announced_;
  FetchedBlock reused;
  if (!used_.empty()) {
    reused = std::move(used_.back());
    used_.pop_back();
    used_bytes_ -= reused.charged_bytes;
  }
  lock.unlock();
  if (jobs_.size() > 1) announce(announce_from, announce_end);
  if (place.block.content.capacity() == 0) place.block.content = std::move(reused.content);
  if (place.frames.capacity() == 0) place.frames = std::move(reused.frames);
  FetchedBlock block = fetch(job, place);
  block.charged_bytes = size_of(block);
  lock.lock();
  charged_bytes_ = charged_bytes_ - estimate + block.charged_bytes;
  ahead_bytes_ = ahead_bytes_ - estimate + block.charged_bytes;
  const bool wanted = states_[job] != State::kUnwanted;
  if (wanted) {
    states_[job] = State::kReady;
    fetched_.emplace(job, std::move(block));
  } else {
    charged_bytes_ -= block.charged_bytes;
    ahead_bytes_ -= block.charged_bytes;
  }
  ready_.notify_one();
  room_.notify_one();  // less than was estimated is usual
}

FetchedBlock BlockFetch::take(std::size_t job) {
  std::unique_lock lock(mutex_);
  if (!started_) start_threads();
  while (states_[job] != State::kReady) {
    TAPLINE_CHECK(states_[job] == State::kWaiting || states_[job] == State::kBegun);
    const std::size_t mine = states_[job] == State::kWaiting ? job : begin_next();
    if (mine == jobs_.size()) {
      ready_.wait(lock);
    } else {
      fetch_unlocked(mine, *own_place_, lock);
    }
  }
  const auto found = fetched_.find(job);
  FetchedBlock block = std::move(found->second);
  fetched_.erase(found);
  states_[job] = State::kTaken;
  ahead_bytes_ -= block.charged_bytes;
  room_.notify_one();
  return block;
}

void BlockFetch::skip(std::size_t job) {
  const std::lock_guard lock(mutex_);
  if (states_[job] == State::kReady) {
    const auto found = fetched_.find(job);
    charged_bytes_ -= found->second.charged_bytes;
    ahead_bytes_ -= found->second.charged_bytes;
    fetched_.erase(found);
    room_.notify_one();
  }
  if (bulk_ && states_[job] == State::kWaiting) bulk_->done(job);
  states_[job] = states_[job] == State::kBegun ? State::kUnwanted : State::kTaken;
}

void BlockFetch::release(FetchedBlock&& block) {
  constexpr std::size_t kUsedMax = 64;
  const std::lock_guard lock(mutex_);
  charged_bytes_ -= block.charged_bytes;
  if (block.content.capacity() > 0 && used_.size() < kUsedMax) {
    used_bytes_ += block.charged_bytes;
    used_.push_back(std::move(block));
  }
  room_.notify_one();
}

/// A segment that cannot be opened is for who reads the block to report.
void BlockFetch::announce(std::size_t first, std::size_t end) {
  for (std::size_t job = first; job < end; ++job) {
    if (bulk_ && bulk_->covers(job)) continue;
    const Result<SegmentReaders::Reader> reader = readers_.open(jobs_[job].segment);
    if (reader) (*reader)->expect_block(jobs_[job].planned.entry);
  }
}

/// Where it is stopped the block is read all the same; nobody takes the next one.
void BlockFetch::wait_for_budget(std::uint64_t bytes) {
  constexpr TimeNs kLookPeriodNs = 50 * kNsPerMillisecond;
  const TimeNs due_ns = steady_clock_ns() + limits_.budget->book(bytes);
  std::unique_lock lock(mutex_);
  // `stop` is set by a signal handler or another thread; nothing else is read because of it.
  const auto stopped = [this] {
    return stopping_ || (limits_.stop != nullptr && limits_.stop->load(std::memory_order_relaxed));
  };
  for (TimeNs now_ns = steady_clock_ns(); now_ns < due_ns && !stopped(); now_ns = steady_clock_ns()) {
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(due_ns - now_ns, kLookPeriodNs)));
    lock.lock();
  }
}

Status BlockFetch::read_once(std::size_t job, const SegmentReaders::Reader& reader, Workplace& place,
                             std::uint64_t& bytes) {
  const storage::BlockEntry& entry = jobs_[job].planned.entry;
  const std::uint32_t number = jobs_[job].planned.number;
  const std::uint64_t wanted_bytes = storage::total_bytes(entry.extension_bytes, entry.stored_bytes);
  if (limits_.budget != nullptr) wait_for_budget(wanted_bytes);
  bytes += wanted_bytes;
  const Bytes whole = bulk_ ? bulk_->wait(job) : Bytes();
  return whole.empty() ? reader->read_block(entry, number, place.decoder, place.block)
                       : reader->decode_block(entry, number, whole, place.decoder, place.block);
}

Status BlockFetch::read(std::size_t job, Workplace& place, std::uint64_t& bytes, bool& not_yet) {
  const std::uint32_t segment = jobs_[job].segment;
  Result<SegmentReaders::Reader> reader = readers_.open(segment);
  if (!reader) return reader.error();
  Status done = read_once(job, *reader, place, bytes);
  if (!done && readers_.look_again(segment, *reader)) {
    // The ring cut it while it was read, or it is damaged and was published: its new name tells.
    reader = readers_.open(segment);
    if (!reader) return reader.error();
    done = read_once(job, *reader, place, bytes);
  }
  if (done) return done;
  const PlannedBlock& planned = jobs_[job].planned;
  not_yet = (*reader)->is_not_there_yet(planned.entry, planned.number, place.block);
  if (not_yet) {
    place.block = {};
    return {};
  }
  // It may have come meanwhile.
  return (*reader)->finished() ? done : read_once(job, *reader, place, bytes);
}

Status BlockFetch::parse(std::size_t job, Workplace& place) const {
  const std::uint32_t segment = jobs_[job].segment;
  const Status parsed = storage::parse_frames(place.block, headers_[segment], place.frames);
  if (parsed) return {};
  return Error{parsed.error().code, fmt::format("{}: block {}: {}", readers_.file(segment).path,
                                                jobs_[job].planned.number, parsed.error().context)};
}

FetchedBlock BlockFetch::fetch(std::size_t job, Workplace& place) {
  FetchedBlock block;
  std::uint64_t bytes = 0;
  block.status = read(job, place, bytes, block.not_yet);
  const bool was_read = block.status.ok();
  if (was_read) block.status = parse(job, place);
  if (bulk_) bulk_->done(job);  // nothing looks into its bytes from here on
  {
    const std::lock_guard lock(mutex_);
    bytes_read_ += bytes;
    if (was_read) ++blocks_read_;
  }
  if (!block.status) return block;
  block.header = place.block.header;
  if (!place.frames.empty()) block.last_order = place.frames.back().order;
  keep_accepted(jobs_[job].planned.order, place, block);
  return block;
}

/// Those that are not wanted leave place.frames.
void BlockFetch::leave_out(const TimeWindow& order, Workplace& place, FetchedBlock& block) {
  if (!accept_ && !order.limited()) return;
  std::erase_if(place.frames, [&](const Frame& frame) {
    if (order.contains(frame.order.time_ns)) return accept_ && !accept_(frame);
    block.has_later = block.has_later || frame.order.time_ns >= order.until_ns;
    return true;
  });
}

void BlockFetch::keep_accepted(const TimeWindow& order, Workplace& place, FetchedBlock& block) {
  leave_out(order, place, block);
  const bool all = place.frames.size() == block.header.frames;
  std::uint64_t wanted_bytes = all ? place.block.content.size() : 0;
  for (std::size_t i = 0; !all && i < place.frames.size(); ++i)
    wanted_bytes += record_of(place.frames[i]).size();
  if (wanted_bytes < place.block.content.size() / 2) {
    block.frames = place.frames;
    move_records(block.frames, wanted_bytes, block.content);
  } else {
    block.frames = std::move(place.frames);
    block.content = std::move(place.block.content);
    place.frames = {};
    place.block.content = {};
  }
}

}  // namespace tapline::query

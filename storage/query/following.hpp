#pragma once
// Following: a question about packets whose answer goes on with what is recorded meanwhile. It is given in
// slices of order time, each up to where the runs that record have said to be complete on the disk (the
// moment at which coverage ends, too): within a slice as an extraction, slice after slice, each frame once,
// until the recorders have ended or the window has. One thread, and those of ReadLimits within next().

#include <memory>
#include <vector>

#include "storage/query/extraction.hpp"

namespace tapline::query {

class Following {
 public:
  /// Makes the first slice: everything up to now. Errors as Extraction::prepare; kInvalid for session fields,
  /// which change while a session goes on: of sessions only one can be followed, by its uid.
  static Result<Following> start(const storage::Store& store, const PacketQuestion& question,
                                 const ReadLimits& limits);
  Following(Following&&) noexcept;
  Following& operator=(Following&&) noexcept;
  ~Following();

  /// The next frame, valid until the next call; null where nothing more is complete on the disk yet, or where
  /// ReadLimits::stop wants so.
  const Frame* next();
  /// The same by runs, some hundred frames at a time; none where next() would give null. Whoever takes runs
  /// takes no single frames.
  std::span<const FrameRun> next_runs();
  /// After null: looks what has been recorded since. Reads the newest groups of ledger and session files, and
  /// lists the store where there is something new; not to be called more often than a few times a second.
  Status look_again();
  /// After null: nothing will come any more.
  bool ended() const;

  /// Order time up to which everything was given.
  TimeNs given_until_ns() const;
  /// Holes that were not there at the last call, as far as next() gave null.
  std::vector<Hole> take_new_holes();
  /// Warnings of all slices that were not taken yet, each once.
  std::vector<std::string> take_warnings();
  /// Of everything that was given, in the middle of a slice, too: its window ends at given_until_ns() at the
  /// latest. Where frames are dropped for more than some seconds, the counts of holes
  /// that overlap speak of the same frames.
  Coverage coverage() const;

  std::uint64_t blocks_read() const;
  /// Frames that stood in blocks which came after the slice that they belong to; they were given late.
  std::uint64_t late_frames() const;

 private:
  struct State;
  explicit Following(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tapline::query

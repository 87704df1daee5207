#pragma once
// Extraction: a question about packets, answered with exact frames in order. Session words and uids are
// resolved to sessions first, these to blocks through the index, blocks to frames through the filter itself:
// the index only says where to look. Called by one thread; others fetch blocks ahead where ReadLimits allow
// it. Memory: what ReadLimits allow, at least one block a lane, and the sessions that match.

#include <memory>
#include <optional>

#include "storage/query/coverage.hpp"
#include "storage/query/filter.hpp"
#include "storage/query/frame_merge.hpp"
#include "storage/query/plan.hpp"
#include "storage/store.hpp"

namespace tapline::query {

enum class SessionSide : std::uint8_t { kBoth, kOriginator, kResponder };

struct PacketQuestion {
  Filter filter;
  TimeWindow window;
  std::optional<Uid> flow;                // only this session's frames
  SessionSide side = SessionSide::kBoth;  // other than kBoth: only where sessions are asked for
  TimeNs pad_ns = 0;                      // so much more before and after each session
};

class Extraction {
 public:
  /// Makes the plan. kNotFound where a uid is not in the store; kInvalid for a side without sessions.
  /// `limits` change what the answer costs, never what it is.
  static Result<Extraction> prepare(const storage::Store& store, const PacketQuestion& question,
                                    const ReadLimits& limits = {});
  /// The frames of one slice (Following). `coverage`: of the slice, read before this is called; `progress`
  /// outlives this and learns from it what was planned.
  static Result<Extraction> prepare_slice(const storage::Store& store, const PacketQuestion& question,
                                          Coverage coverage, const ReadLimits& limits,
                                          SliceProgress& progress);
  Extraction(Extraction&&) noexcept;
  Extraction& operator=(Extraction&&) noexcept;
  ~Extraction();

  const PlanTotals& plan_totals() const;
  /// End of the window, narrowed to that of the sessions.
  TimeNs until_ns() const;
  const std::vector<std::string>& warnings() const;

  /// The next frame, valid until the next call; null at the end, or where ReadLimits::stop wants so.
  const Frame* next();
  /// The same by runs, some hundred frames at a time; none where next() would give null. Whoever takes runs
  /// takes no single frames.
  std::span<const FrameRun> next_runs();
  /// Once there were none: nothing is left.
  bool at_end() const;
  /// All frames of earlier order times were given.
  TimeNs given_until_ns() const;

  /// Complete once next() has returned null: what could not be read is in it.
  Coverage coverage() const;
  const std::vector<FrameMerge::LaterBlock>& later_blocks() const;
  std::uint64_t blocks_read() const;
  std::uint64_t bytes_read() const;

 private:
  struct State;
  static Result<Extraction> prepare(const storage::Store& store, const PacketQuestion& question,
                                    Coverage coverage, const ReadLimits& limits, SliceProgress* progress);
  explicit Extraction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tapline::query

#pragma once
// HoldFolder: the files of holds: requests in the store's `holds/`, answers in its `held/`. All are published
// atomically: after a crash the old or the new, never half. Any thread; each answer has one writer, the
// holder of the store's lock.

#include <string>
#include <vector>

#include "storage/hold.hpp"
#include "storage/store.hpp"

namespace tapline::storage {

inline constexpr std::size_t kHoldFolderEntriesMax = 4096;

// The reader's side.

/// Publishes the request, for the writer to find. kIo where holds/ may not be written.
Status ask_hold(const Store& store, const HoldRequest& request);
Status ask_release(const Store& store, const SegmentId& id, const std::string& owner,
                   const std::string& reason);
/// Requests that nobody has answered yet, by time. Damaged ones are left out.
Result<std::vector<HoldRequest>> list_requests(const Store& store);
struct UnreadableHold {
  SegmentId id{};
  Error error;
};
/// All answers, by time of the request, but for damaged ones.
Result<std::vector<Hold>> list_holds(const Store& store, std::vector<UnreadableHold>& unreadable);
/// kNotFound where the writer has not answered.
Result<Hold> load_hold(const Store& store, const SegmentId& id);
/// id_high of the segments that a hold covers; ascending.
Result<std::vector<std::uint64_t>> load_held_segments(const Store& store, const SegmentId& id);

// The writer's side. Files of holds/ may be anything: they are opened without following links or waiting, and
// nothing that is in them is repeated unless it is a request.

struct HoldPapers {
  std::vector<SegmentId> requests;
  std::vector<SegmentId> releases;
};
/// kLimit where somebody has put too much into holds/.
Result<HoldPapers> list_papers(const Store& store);
Result<HoldRequest> load_request(const Store& store, const SegmentId& id);
/// "released by OWNER (user UID): REASON"
Result<std::string> load_release(const Store& store, const SegmentId& id);
void remove_request(const Store& store, const SegmentId& id);
void remove_release(const Store& store, const SegmentId& id);
/// The list first, then what refers to it.
Status save_hold(const Store& store, const Hold& hold, const std::vector<std::uint64_t>& segments);
/// Of one that has ended: what it was stays, its list goes.
Status save_ended_hold(const Store& store, const Hold& hold);
void remove_hold(const Store& store, const SegmentId& id);

}  // namespace tapline::storage

#include "storage/hold.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace tapline::storage {
namespace {

// In the order of HoldState.
constexpr std::array<std::string_view, 4> kStateNames{"held", "refused", "released", "expired"};

Error corrupt(std::string what) {
  return {ErrorCode::kCorrupt, std::move(what)};
}

Status read_text(const TextRecord& record, std::string_view name, std::size_t bytes_max, std::string& value) {
  value = record.text(name);
  if (value.size() > bytes_max) return corrupt(fmt::format("its {} is over {} bytes", name, bytes_max));
  return {};
}

Status read_times(const TextRecord& record, std::span<const std::pair<std::string_view, TimeNs*>> times) {
  for (const auto& [name, value] : times) {
    const Result<TimeNs> number = record.signed_number(name);
    if (!number) return corrupt(fmt::format("its {} is no number", name));
    *value = *number;
  }
  return {};
}

Status read_counts(const TextRecord& record,
                   std::span<const std::pair<std::string_view, std::uint64_t*>> counts) {
  for (const auto& [name, value] : counts) {
    const Result<std::uint64_t> number = record.number(name);
    if (!number) return corrupt(fmt::format("its {} is no number", name));
    *value = *number;
  }
  return {};
}

}  // namespace

const char* hold_state_name(HoldState state) {
  return kStateNames[static_cast<std::size_t>(state)].data();
}

Result<HoldRequest> read_hold_request(const TextRecord& record, const SegmentId& id) {
  HoldRequest request;
  request.id = id;
  TAPLINE_TRY(read_text(record, "filter", kHoldFilterBytesMax, request.filter));
  TAPLINE_TRY(read_text(record, "reason", kHoldReasonBytesMax, request.reason));
  TAPLINE_TRY(read_text(record, "owner", kHoldReasonBytesMax, request.owner));
  const std::pair<std::string_view, TimeNs*> times[] = {{"since_ns", &request.window.since_ns},
                                                        {"until_ns", &request.window.until_ns},
                                                        {"requested_at_ns", &request.requested_at_ns},
                                                        {"expires_at_ns", &request.expires_at_ns}};
  TAPLINE_TRY(read_times(record, times));
  if (request.window.since_ns >= request.window.until_ns) return corrupt("its window is empty");
  return request;
}

TextRecord write_hold_request(const HoldRequest& request) {
  TextRecord record;
  record.set("filter", request.filter);
  record.set("reason", request.reason);
  record.set("owner", request.owner);
  record.set("since_ns", std::to_string(request.window.since_ns));
  record.set("until_ns", std::to_string(request.window.until_ns));
  record.set("requested_at_ns", std::to_string(request.requested_at_ns));
  record.set("expires_at_ns", std::to_string(request.expires_at_ns));
  return record;
}

Result<Hold> read_hold(const TextRecord& record, const SegmentId& id) {
  Hold hold;
  Result<HoldRequest> request = read_hold_request(record, id);
  if (!request) return request.error();
  hold.request = std::move(*request);
  const auto state = std::ranges::find(kStateNames, record.text("state"));
  if (state == kStateNames.end()) return corrupt("its state is unknown");
  hold.state = static_cast<HoldState>(state - kStateNames.begin());
  TAPLINE_TRY(read_text(record, "why", 4 * kHoldReasonBytesMax, hold.why));
  const std::pair<std::string_view, TimeNs*> times[] = {{"answered_at_ns", &hold.answered_at_ns},
                                                        {"ended_at_ns", &hold.ended_at_ns}};
  TAPLINE_TRY(read_times(record, times));
  std::uint64_t holes = 0;
  const std::pair<std::string_view, std::uint64_t*> counts[] = {
      {"user_id", &hold.request.user_id},
      {"segments", &hold.segments},
      {"bytes", &hold.bytes},
      {"segments_over_quota", &hold.segments_over_quota},
      {"holes", &holes}};
  TAPLINE_TRY(read_counts(record, counts));
  if (holes > Hold::kHolesMax) return corrupt("it has too many holes");
  for (std::uint64_t i = 0; i < holes; ++i) {
    Hold::Interval hole;
    const std::string first = fmt::format("hole_{}_first_ns", i);
    const std::string last = fmt::format("hole_{}_last_ns", i);
    const std::pair<std::string_view, TimeNs*> ends[] = {{first, &hole.first_ns}, {last, &hole.last_ns}};
    TAPLINE_TRY(read_times(record, ends));
    hold.holes.push_back(hole);
  }
  return hold;
}

TextRecord write_hold(const Hold& hold) {
  TextRecord record = write_hold_request(hold.request);
  record.set("state", kStateNames[static_cast<std::size_t>(hold.state)]);
  record.set("user_id", std::to_string(hold.request.user_id));
  record.set("answered_at_ns", std::to_string(hold.answered_at_ns));
  record.set("ended_at_ns", std::to_string(hold.ended_at_ns));
  record.set("why", hold.why);
  record.set("segments", std::to_string(hold.segments));
  record.set("bytes", std::to_string(hold.bytes));
  record.set("segments_over_quota", std::to_string(hold.segments_over_quota));
  record.set("holes", std::to_string(hold.holes.size()));
  for (std::size_t i = 0; i < hold.holes.size(); ++i) {
    record.set(fmt::format("hole_{}_first_ns", i), std::to_string(hold.holes[i].first_ns));
    record.set(fmt::format("hole_{}_last_ns", i), std::to_string(hold.holes[i].last_ns));
  }
  return record;
}

Result<std::vector<std::uint64_t>> read_held_segments(std::string_view text) {
  constexpr std::size_t kLineBytes = 17;
  if (text.size() % kLineBytes != 0 || text.size() / kLineBytes > kHoldSegmentsMax)
    return corrupt("a list of held segments of a length that none has");
  std::vector<std::uint64_t> segments;
  segments.reserve(text.size() / kLineBytes);
  for (; !text.empty(); text.remove_prefix(kLineBytes)) {
    std::uint64_t id_high = 0;
    const char* const end = text.data() + kLineBytes - 1;
    const auto [parsed_to, error] = std::from_chars(text.data(), end, id_high, 16);
    if (error != std::errc() || parsed_to != end || *end != '\n')
      return corrupt("a list of held segments with a line that is no id");
    segments.push_back(id_high);
  }
  return segments;
}

std::string write_held_segments(const std::vector<std::uint64_t>& segments) {
  std::string text;
  text.reserve(segments.size() * 17);
  for (const std::uint64_t id_high : segments) text += fmt::format("{:016x}\n", id_high);
  return text;
}

}  // namespace tapline::storage

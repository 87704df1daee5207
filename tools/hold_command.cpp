// tapline hold: packets that will not be evicted.

#include <fmt/core.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "capture/base/size.hpp"
#include "storage/hold_folder.hpp"
#include "storage/query/json_text.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

using storage::Hold;
using storage::HoldRequest;
using storage::HoldState;

constexpr std::chrono::milliseconds kLookPeriod{50};

constexpr const char* kHelp = R"(usage: tapline hold add FILTER --store DIR --reason TEXT [OPTIONS]
       tapline hold list --store DIR [--json]
       tapline hold release ID --store DIR --reason TEXT [OPTIONS]

Packets that a hold covers are not dropped by the ring. A hold is in force when the writer of the store has
answered: `add` waits for that. Each subcommand explains itself with --help.
)";

void add_common(CommandLine& options) {
  options.add_value("owner", "NAME", "who asks; default: the user's name");
  options.add_value("timeout", "TIME", "how long to wait for the writer of the store; default 10s");
  options.add_flag("json", "one JSON object a hold");
}

CommandLine make_add_options() {
  CommandLine options("usage: tapline hold add FILTER --store DIR --reason TEXT [OPTIONS]",
                      "Asks the writer of the store to keep all segments that may hold packets of FILTER in "
                      "the window, also those\n"
                      "that are still to come; without a FILTER all packets. Exit code 6: nobody has "
                      "answered in time (the request\n"
                      "stays, and is answered before the next writer drops anything), or packets of the "
                      "window have expired.\n"
                      "Exit code 1: it was refused.",
                      "FILTER");
  options.add_store();
  options.add_window();
  options.add_value("reason", "TEXT", "why");
  options.add_value("expires", "T", "when it ends: a time, 30d from now (default), or never");
  add_common(options);
  return options;
}

CommandLine make_list_options() {
  CommandLine options("usage: tapline hold list --store DIR [--json]",
                      "Lists requests, holds, and holds that have ended, oldest first.", "");
  options.add_store();
  options.add_flag("json", "one JSON object a hold");
  return options;
}

CommandLine make_release_options() {
  CommandLine options(
      "usage: tapline hold release ID --store DIR --reason TEXT [OPTIONS]",
      "Ends a hold: its packets may be dropped again. Exit code 6: nobody has answered in time; the\n"
      "request stays.",
      "ID");
  options.add_store();
  options.add_value("reason", "TEXT", "why");
  add_common(options);
  return options;
}

std::string default_owner() {
  const passwd* const user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : fmt::format("user {}", ::geteuid());
}

Result<std::string> required_text(const CommandLine& options, const std::string& name) {
  std::string text = options.text(name);
  if (text.empty())
    return Error{ErrorCode::kInvalid, fmt::format("--{}: say it: it stands in the record", name)};
  if (text.size() > storage::kHoldReasonBytesMax)
    return Error{ErrorCode::kInvalid, fmt::format("--{}: over {} bytes", name, storage::kHoldReasonBytesMax)};
  return text;
}

Result<TimeNs> read_timeout(const CommandLine& options) {
  if (!options.has("timeout")) return 10 * kNsPerSecond;
  const Result<TimeNs> timeout = parse_duration(options.text("timeout"));
  if (!timeout) return Error{ErrorCode::kInvalid, "--timeout: " + timeout.error().context};
  return timeout;
}

/// A time, or a duration from now on.
Result<TimeNs> read_expiry(const CommandLine& options, TimeNs now_ns) {
  const std::string text = options.has("expires") ? options.text("expires") : "30d";
  if (text == "never") return storage::kHoldNeverExpires;
  if (const Result<TimeNs> duration = parse_duration(text)) return saturating_add(now_ns, *duration);
  const Result<TimeNs> time = parse_time(text, now_ns);
  if (!time) return Error{ErrorCode::kInvalid, "--expires: " + time.error().context};
  if (*time <= now_ns) return Error{ErrorCode::kInvalid, fmt::format("--expires: {} is over", text)};
  return time;
}

Result<HoldRequest> read_request(const CommandLine& options) {
  HoldRequest request;
  const Result<query::Filter> filter = options.filter();
  if (!filter) return filter.error();
  if (filter->has_session_terms() || filter->single_uid()) {
    return Error{
        ErrorCode::kInvalid,
        "the filter has session words: a hold takes those of packets; `tapline flows` shows a session's "
        "five-tuple and times"};
  }
  request.filter = filter->to_string();
  if (request.filter.size() > storage::kHoldFilterBytesMax)
    return Error{ErrorCode::kLimit, fmt::format("the filter is over {} bytes", storage::kHoldFilterBytesMax)};
  const Result<TimeWindow> window = options.window();
  if (!window) return window.error();
  request.window = *window;
  const Result<std::string> reason = required_text(options, "reason");
  if (!reason) return reason.error();
  request.reason = *reason;
  request.owner = options.has("owner") ? options.text("owner") : default_owner();
  request.requested_at_ns = wall_clock_ns();
  const Result<TimeNs> expires = read_expiry(options, request.requested_at_ns);
  if (!expires) return expires.error();
  request.expires_at_ns = *expires;
  request.id = storage::make_segment_id();
  return request;
}

std::string time_text(TimeNs time_ns) {
  if (time_ns == TimeWindow::kUnlimitedSince) return "the beginning";
  return time_ns == TimeWindow::kUnlimitedUntil ? "open end" : format_rfc3339(time_ns);
}

/// What others have typed does not get to the terminal as more than a line of text.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == '\x7f'; }, '?');
  return text;
}

/// `state`: "pending" of what nobody has answered.
void print_text(const Hold& hold, std::string_view state) {
  const HoldRequest& request = hold.request;
  fmt::print("{}  {}  {} segments, {}\n", storage::format_segment_id(request.id), state, hold.segments,
             format_size(hold.bytes));
  fmt::print("    {} to {}, {}\n", time_text(request.window.since_ns), time_text(request.window.until_ns),
             request.filter.empty() ? "all packets" : printable(request.filter));
  fmt::print("    {}: {}; until {}\n", printable(request.owner), printable(request.reason),
             request.expires_at_ns == storage::kHoldNeverExpires ? "released"
                                                                 : format_rfc3339(request.expires_at_ns));
  if (!hold.why.empty()) fmt::print("    {} {}\n", format_rfc3339(hold.ended_at_ns), printable(hold.why));
  if (hold.segments_over_quota > 0)
    fmt::print("    {} more segments are NOT held, because the quota is used up\n", hold.segments_over_quota);
  for (const Hold::Interval& hole : hold.holes) {
    fmt::print("    packets of {} to {} had expired before\n", format_rfc3339(hole.first_ns),
               format_rfc3339(hole.last_ns));
  }
}

void print_json(const Hold& hold, std::string_view state) {
  const HoldRequest& request = hold.request;
  query::JsonObject json;
  json.add_text("id", storage::format_segment_id(request.id));
  json.add_text("state", state);
  json.add_text("filter", request.filter);
  if (request.window.since_ns != TimeWindow::kUnlimitedSince) json.add_time("since", request.window.since_ns);
  if (request.window.until_ns != TimeWindow::kUnlimitedUntil) json.add_time("until", request.window.until_ns);
  json.add_text("owner", request.owner);
  json.add("user_id", request.user_id);
  json.add_text("reason", request.reason);
  json.add_time("requested_at", request.requested_at_ns);
  if (request.expires_at_ns != storage::kHoldNeverExpires) json.add_time("expires_at", request.expires_at_ns);
  if (hold.answered_at_ns != 0) json.add_time("answered_at", hold.answered_at_ns);
  if (hold.ended_at_ns != 0) json.add_time("ended_at", hold.ended_at_ns);
  if (!hold.why.empty()) json.add_text("why", hold.why);
  json.add("segments", hold.segments);
  json.add("bytes", hold.bytes);
  json.add("segments_over_quota", hold.segments_over_quota);
  std::vector<std::string> holes;
  for (const Hold::Interval& hole : hold.holes) {
    query::JsonObject one;
    one.add_time("first", hole.first_ns);
    one.add_time("last", hole.last_ns);
    holes.push_back(one.text());
  }
  json.add_array("expired_before", holes);
  fmt::print("{}\n", json.text());
}

void print_hold(const Hold& hold, std::string_view state, bool json) {
  json ? print_json(hold, state) : print_text(hold, state);
}

/// The answer, once `settled` says so of it; nothing where that takes too long, or nobody writes.
template <class Settled>
Result<std::optional<Hold>> await_answer(const storage::Store& store, const storage::SegmentId& id,
                                         TimeNs timeout_ns, Settled settled) {
  const TimeNs begun_ns = steady_clock_ns();
  for (;;) {
    Result<Hold> hold = storage::load_hold(store, id);
    if (hold && settled(*hold)) return std::optional(std::move(*hold));
    if (!hold && hold.error().code != ErrorCode::kNotFound) return hold.error();
    const Result<std::optional<std::string>> writer = storage::find_writer(store);
    if (!writer) return writer.error();
    if (!writer->has_value()) {
      fmt::print(
          stderr,
          "tapline hold: nobody writes {}, so nothing is dropped; the request stays, and the next writer "
          "answers it before it drops anything\n",
          store.path());
      return std::optional<Hold>();
    }
    if (steady_clock_ns() - begun_ns >= timeout_ns) {
      fmt::print(
          stderr,
          "tapline hold: process {}, which writes {}, has not answered; the request stays: see `tapline hold "
          "list`\n",
          **writer, store.path());
      return std::optional<Hold>();
    }
    std::this_thread::sleep_for(kLookPeriod);
  }
}

int run_add(CommandLine& options, const storage::Store& store) {
  const Result<HoldRequest> request = read_request(options);
  if (!request) return report_error("hold", request.error());
  const Result<TimeNs> timeout = read_timeout(options);
  if (!timeout) return report_error("hold", timeout.error());
  if (const Status asked = storage::ask_hold(store, *request); !asked)
    return report_error("hold", asked.error());
  const Result<std::optional<Hold>> answer =
      await_answer(store, request->id, *timeout, [](const Hold&) { return true; });
  if (!answer) return report_error("hold", answer.error());
  if (!*answer) {
    Hold pending;
    pending.request = *request;
    print_hold(pending, "pending", options.has("json"));
    return kExitNotCovered;
  }
  const Hold& hold = **answer;
  print_hold(hold, storage::hold_state_name(hold.state), options.has("json"));
  if (hold.state != HoldState::kHeld) {
    fmt::print(stderr, "tapline hold: {}: {}\n", storage::hold_state_name(hold.state), hold.why);
    return kExitError;
  }
  return hold.holes.empty() ? kExitOk : kExitNotCovered;
}

int run_list(const CommandLine& options, const storage::Store& store) {
  std::vector<storage::UnreadableHold> unreadable;
  const Result<std::vector<Hold>> holds = storage::list_holds(store, unreadable);
  if (!holds) return report_error("hold", holds.error());
  const Result<std::vector<HoldRequest>> requests = storage::list_requests(store);
  if (!requests) return report_error("hold", requests.error());
  for (const Hold& hold : *holds) print_hold(hold, storage::hold_state_name(hold.state), options.has("json"));
  for (const HoldRequest& request : *requests) {
    Hold pending;
    pending.request = request;
    print_hold(pending, "pending", options.has("json"));
  }
  int exit_code = kExitOk;
  for (const storage::UnreadableHold& one : unreadable) exit_code = report_error("hold", one.error);
  return exit_code;
}

/// kNotFound where nobody has asked for this hold; kInvalid where it has ended.
Status check_releasable(const storage::Store& store, const storage::SegmentId& id) {
  const Result<Hold> hold = storage::load_hold(store, id);
  if (hold && hold->state != HoldState::kHeld) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{} has ended: {}", storage::format_segment_id(id), hold->why)};
  }
  if (hold) return {};
  if (hold.error().code != ErrorCode::kNotFound) return hold.error();
  const Result<HoldRequest> request = storage::load_request(store, id);
  if (request) return {};
  return Error{ErrorCode::kNotFound,
               fmt::format("no hold {}; `tapline hold list` lists them", storage::format_segment_id(id))};
}

int run_release(CommandLine& options, const storage::Store& store) {
  const std::optional<storage::SegmentId> named =
      options.words().size() == 1 ? storage::parse_segment_id(options.words()[0]) : std::nullopt;
  if (!named)
    return report_error("hold",
                        {ErrorCode::kInvalid, "name one hold by its 32 digits; see `tapline hold list`"});
  const storage::SegmentId& id = *named;
  const Result<std::string> reason = required_text(options, "reason");
  if (!reason) return report_error("hold", reason.error());
  const Result<TimeNs> timeout = read_timeout(options);
  if (!timeout) return report_error("hold", timeout.error());
  if (const Status releasable = check_releasable(store, id); !releasable)
    return report_error("hold", releasable.error());
  const std::string owner = options.has("owner") ? options.text("owner") : default_owner();
  if (const Status asked = storage::ask_release(store, id, owner, *reason); !asked)
    return report_error("hold", asked.error());
  const Result<std::optional<Hold>> answer =
      await_answer(store, id, *timeout, [](const Hold& hold) { return hold.state != HoldState::kHeld; });
  if (!answer) return report_error("hold", answer.error());
  if (!*answer) return kExitNotCovered;
  print_hold(**answer, storage::hold_state_name((*answer)->state), options.has("json"));
  return kExitOk;
}

}  // namespace

int run_hold(const Arguments& arguments) {
  const std::string what = arguments.empty() ? "" : arguments[0];
  if (what == "--help" || what == "-h") {
    fmt::print("{}", kHelp);
    return kExitOk;
  }
  if (what != "add" && what != "list" && what != "release")
    return report_error("hold", {ErrorCode::kInvalid, "add, list or release? see tapline hold --help"});
  CommandLine options = what == "add"    ? make_add_options()
                        : what == "list" ? make_list_options()
                                         : make_release_options();
  const Result<bool> parsed = options.parse(Arguments(arguments.begin() + 1, arguments.end()));
  if (!parsed) return report_error("hold", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<storage::Store> store = options.open_store();
  if (!store) return report_error("hold", store.error());
  if (what == "list") return run_list(options, *store);
  return what == "add" ? run_add(options, *store) : run_release(options, *store);
}

}  // namespace tapline::tools

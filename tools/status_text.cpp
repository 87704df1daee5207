// The text of a StoreStatus, for people and as JSON.

#include <fmt/format.h>

#include <algorithm>

#include "capture/base/size.hpp"
#include "capture/base/time_window.hpp"
#include "storage/query/json_text.hpp"
#include "tools/store_status.hpp"

namespace tapline::tools {
namespace {

using query::JsonObject;
using storage::Source;
using storage::SourceState;

constexpr std::size_t kSourcesShownMax = 20;

const char* source_state_name(const Source& source, const StoreStatus& status) {
  if (source.live) {
    if (source.state == SourceState::kComplete) return "stopped";
    return source.state == SourceState::kStarted && status.writer_active ? "recording" : "crashed";
  }
  if (source.state == SourceState::kStarted) return status.writer_active ? "running" : "interrupted";
  return source.damage.empty() ? "complete" : "damaged";
}

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

double as_double(std::uint64_t value) {
  return static_cast<double>(value);
}

struct Recorded {
  std::uint64_t frames = 0;
  std::uint64_t wire_bytes = 0;
};

Recorded recorded(const StoreStatus& status) {
  Recorded sum;
  for (const Source& source : status.sources) {
    sum.frames += source.frames;
    sum.wire_bytes += source.wire_bytes;
  }
  return sum;
}

std::string interval(TimeNs first_ns, TimeNs last_ns) {
  return fmt::format("{} to {}", format_rfc3339(first_ns), format_rfc3339(last_ns));
}

std::string line(std::string_view name, std::string_view text) {
  return fmt::format("{:<10}{}\n", name, text);
}

std::string open_files(const FilesStatus& files) {
  return files.open_files == 0 ? "" : fmt::format(" ({} of them open)", files.open_files);
}

std::int64_t stored_frames(const storage::LedgerTotals& totals) {
  return totals.counts()[storage::kFrameStoredWhole] + totals.counts()[storage::kFrameStoredCut];
}

std::int64_t dropped_frames(const storage::LedgerTotals& totals, std::size_t cause) {
  return totals.counts()[storage::kFrameDropped + cause];
}

/// What was done to keep up, in the order in which it is: level, compression, payload (whole frames:
/// dropped).
std::string format_savings(const storage::LedgerCounts& counts) {
  std::string text;
  const auto add = [&](storage::LedgerCounter counter, const char* what) {
    if (counts[counter] != 0) text += fmt::format(", {} {}", counts[counter], what);
  };
  add(storage::kFrameStoredLowered, "compressed less to keep up");
  add(storage::kFrameStoredHurried, "not compressed to keep up");
  add(storage::kFrameCutOverload, "cut to their headers to keep up");
  return text;
}

/// Goes behind the name of the interface.
std::string format_live(const LiveStatus& live) {
  if (!live.any_row) return ", nothing on the disk yet";
  std::string text = fmt::format(", {} frames polled, {} stored", live.totals.counts()[storage::kFramePolled],
                                 stored_frames(live.totals));
  for (std::size_t cause = 0; cause < storage::kDropCauseCount; ++cause) {
    const std::int64_t frames = dropped_frames(live.totals, cause);
    if (frames != 0) {
      text += fmt::format(", {} dropped ({})", frames,
                          storage::drop_cause_name(static_cast<storage::DropCause>(cause)));
    }
  }
  text += fmt::format(", {} dropped by device or kernel", live.device_dropped());
  text += format_savings(live.totals.counts());
  return text +
         fmt::format("; {:.1f} frames/s, {}/s in the last {} s before {}", live.frames_per_second(),
                     format_size(static_cast<std::uint64_t>(std::max(0.0, live.wire_bytes_per_second()))),
                     LiveStatus::kRateSeconds,
                     format_rfc3339(saturating_add(first_ns_of(live.newest_second), kNsPerSecond)));
}

std::string format_sources(const StoreStatus& status) {
  std::string text = line("sources", fmt::format("{}", status.sources.size()));
  const std::size_t shown = std::min(kSourcesShownMax, status.sources.size());
  for (std::size_t i = status.sources.size() - shown; i < status.sources.size(); ++i) {
    const Source& source = status.sources[i];
    std::string what = fmt::format("{:<12}{}", source_state_name(source, status), source.path);
    if (source.live) {
      what += format_live(status.live.at(source.id));
    } else if (source.state == SourceState::kComplete) {
      what += fmt::format(", {} frames{}", source.frames, source.packets ? "" : ", sessions only");
      if (source.frames > 0) what += ", " + interval(source.first_ns, source.last_ns);
    }
    if (!source.policy.empty()) what += ", " + source.policy;
    if (!source.damage.empty()) what += fmt::format(" ({})", source.damage);
    text += line("", what);
  }
  if (shown < status.sources.size()) {
    text += line("", fmt::format("and {} older ones; --json lists them all", status.sources.size() - shown));
  }
  return text;
}

std::string format_packets(const PacketsStatus& packets) {
  std::string what =
      fmt::format("{} segments{}, {}, {} frames", packets.segments.files, open_files(packets.segments),
                  format_size(packets.segments.file_bytes), packets.frames);
  if (packets.frames > 0) what += ", " + interval(packets.first_ns, packets.last_ns);
  if (packets.expired_segments > 0) what += fmt::format("; {} segments expired", packets.expired_segments);
  const double percent = 100 * ratio(as_double(packets.index_bytes), as_double(packets.segments.file_bytes));
  std::string index = fmt::format("{}, {:.2f} % of the packets", format_size(packets.index_bytes), percent);
  if (packets.indexes_missing > 0) {
    index += fmt::format("; {} missing: `tapline reindex` makes them", packets.indexes_missing);
  }
  return line("packets", what) + line("index", index);
}

std::string format_sessions(const SessionsStatus& sessions) {
  return line("sessions",
              fmt::format("{}{} records in {} files{}, {}, {:.1f} bytes a record",
                          sessions.deep ? fmt::format("{} ended, ", sessions.deep->final_records) : "",
                          sessions.records, sessions.files.files, open_files(sessions.files),
                          format_size(sessions.files.file_bytes),
                          ratio(as_double(sessions.files.file_bytes), as_double(sessions.records))));
}

std::string format_ledger(const StoreStatus& status) {
  const storage::LedgerTotals& ledger = status.ledger;
  const auto count = [&](storage::LedgerCounter counter) { return ledger.counts()[counter]; };
  std::string text =
      line("ledger", fmt::format("{} frames polled: {} stored whole, {} cut, {} filtered, {} dropped",
                                 count(storage::kFramePolled), count(storage::kFrameStoredWhole),
                                 count(storage::kFrameStoredCut), count(storage::kFrameFiltered),
                                 ledger.dropped_frames()));
  text += line(
      "", fmt::format("{} packets decoded, {} of them in tunnels: {} in sessions, {} without, {} duplicates, "
                      "{} in attempts given up",
                      count(storage::kFrameDecoded), count(storage::kPacketInner),
                      count(storage::kFrameInSession), ledger.no_session_frames(),
                      count(storage::kFrameDuplicate), count(storage::kFrameInAttempt)));
  text += line("books", status.ledger_books ? "closes        books 1 and 3 of the ledger"
                                            : "DOES NOT CLOSE: " + status.ledger_books.error().context);
  for (const BookCheck& check : status.checks) {
    if (!check.not_compared.empty()) {
      text += line("", fmt::format("not compared  {}: {}", check.name, check.not_compared));
    } else if (check.closes()) {
      text += line("", fmt::format("closes        {}: {}", check.name, check.left));
    } else {
      text += line("", fmt::format("DOES NOT CLOSE: {}: {} against {}", check.name, check.left, check.right));
    }
  }
  return text;
}

std::string format_rates(const StoreStatus& status) {
  const double seconds = static_cast<double>(status.covered_ns) / static_cast<double>(kNsPerSecond);
  if (seconds <= 0) return "";
  const Recorded sum = recorded(status);
  return line(
      "rates",
      fmt::format("{:.1f} frames/s, {}/s over {:.3f} s recorded", as_double(sum.frames) / seconds,
                  format_size(static_cast<std::uint64_t>(as_double(sum.wire_bytes) / seconds)), seconds));
}

std::string format_holds(const HoldsStatus& holds) {
  if (holds.in_force == 0 && holds.pending == 0) return "";
  return line("holds", fmt::format("{} in force, {} pending; {} segments held, {}", holds.in_force,
                                   holds.pending, holds.segments, format_size(holds.bytes)));
}

std::string holds_json(const HoldsStatus& holds) {
  JsonObject json;
  json.add("in_force", holds.in_force);
  json.add("pending", holds.pending);
  json.add("segments", holds.segments);
  json.add("file_bytes", holds.bytes);
  return json.text();
}

std::string format_scrub(const StoreStatus& status) {
  if (!status.scrub) return "";
  const storage::ScrubState& scrub = *status.scrub;
  std::string what = fmt::format("{} files, {} verified since {}", scrub.pass_files,
                                 format_size(scrub.pass_bytes), format_rfc3339(scrub.pass_begun_at_ns));
  if (scrub.last_pass_ended_at_ns != 0) {
    what += fmt::format("; last pass ended {}: {} files, {}", format_rfc3339(scrub.last_pass_ended_at_ns),
                        scrub.last_pass_files, format_size(scrub.last_pass_bytes));
  }
  std::string text =
      line("scrub", what + fmt::format("; {} files damaged", scrub.damages.size() + scrub.damages_unnamed));
  for (const storage::ScrubDamage& damage : scrub.damages) text += line("damage", damage.what);
  return text;
}

std::string scrub_json(const storage::ScrubState& scrub) {
  JsonObject json;
  json.add_time("pass_begun_at", scrub.pass_begun_at_ns);
  json.add("pass_files", scrub.pass_files);
  json.add("pass_bytes", scrub.pass_bytes);
  if (scrub.last_pass_ended_at_ns != 0) {
    json.add_time("last_pass_ended_at", scrub.last_pass_ended_at_ns);
    json.add("last_pass_files", scrub.last_pass_files);
    json.add("last_pass_bytes", scrub.last_pass_bytes);
  }
  std::vector<std::string> damaged;
  for (const storage::ScrubDamage& damage : scrub.damages) {
    JsonObject one;
    one.add_text("file", damage.name);
    one.add_text("damage", damage.what);
    damaged.push_back(one.text());
  }
  json.add_array("damaged", damaged);
  json.add("damaged_unnamed", scrub.damages_unnamed);
  return json.text();
}

void add_live(JsonObject& json, const LiveStatus& live) {
  json.add("live", true);
  json.add("frames_polled", live.totals.counts()[storage::kFramePolled]);
  json.add("frames_stored", stored_frames(live.totals));
  JsonObject dropped;
  for (std::size_t cause = 0; cause < storage::kDropCauseCount; ++cause) {
    dropped.add(storage::drop_cause_name(static_cast<storage::DropCause>(cause)),
                dropped_frames(live.totals, cause));
  }
  json.add_raw("frames_dropped", dropped.text());
  json.add("frames_stored_lowered", live.totals.counts()[storage::kFrameStoredLowered]);
  json.add("frames_stored_hurried", live.totals.counts()[storage::kFrameStoredHurried]);
  json.add("frames_cut_overload", live.totals.counts()[storage::kFrameCutOverload]);
  json.add("device_dropped", live.device_dropped());
  if (!live.any_row) return;
  json.add_raw("recent_frames_per_second", fmt::format("{:.3f}", live.frames_per_second()));
  json.add_raw("recent_wire_bytes_per_second", fmt::format("{:.3f}", live.wire_bytes_per_second()));
  json.add_time("newest", first_ns_of(live.newest_second));
}

std::string source_json(const Source& source, const StoreStatus& status) {
  JsonObject json;
  json.add_text("path", source.path);
  json.add_text("state", source_state_name(source, status));
  json.add_time("started_at", source.started_at_ns);
  json.add("packets", source.packets);
  if (!source.policy.empty()) json.add_text("policy", source.policy);
  if (source.live) add_live(json, status.live.at(source.id));
  if (source.state == SourceState::kComplete) {
    json.add_time("finished_at", source.finished_at_ns);
    json.add("frames", source.frames);
    json.add("captured_bytes", source.captured_bytes);
    json.add("wire_bytes", source.wire_bytes);
    if (source.frames > 0) {
      json.add_time("first", source.first_ns);
      json.add_time("last", source.last_ns);
    }
  }
  if (!source.damage.empty()) json.add_text("damage", source.damage);
  return json.text();
}

void add_files(JsonObject& json, const FilesStatus& files) {
  json.add("files", files.files);
  json.add("open_files", files.open_files);
  json.add("file_bytes", files.file_bytes);
}

std::string packets_json(const PacketsStatus& packets) {
  JsonObject json;
  add_files(json, packets.segments);
  json.add("expired_segments", packets.expired_segments);
  json.add("frames", packets.frames);
  json.add("captured_bytes", packets.captured_bytes);
  if (packets.frames > 0) {
    json.add_time("first", packets.first_ns);
    json.add_time("last", packets.last_ns);
  }
  json.add("index_bytes", packets.index_bytes);
  json.add("indexes_missing", packets.indexes_missing);
  return json.text();
}

std::string sessions_json(const SessionsStatus& sessions) {
  JsonObject json;
  add_files(json, sessions.files);
  json.add("records", sessions.records);
  if (sessions.deep) {
    json.add("final_records", sessions.deep->final_records);
    json.add("packets", sessions.deep->packets);
    json.add("duplicate_packets", sessions.deep->duplicate_packets);
  }
  return json.text();
}

std::string ledger_json(const StoreStatus& status) {
  JsonObject json;
  add_files(json, status.ledger_files);
  for (std::size_t i = 0; i < storage::kLedgerCounters.size(); ++i) {
    json.add(storage::kLedgerCounters[i].name, status.ledger.counts()[i]);
  }
  return json.text();
}

void add_books(JsonObject& json, const StoreStatus& status) {
  std::vector<std::string> books;
  JsonObject ledger;
  ledger.add_text("name", "books 1 and 3 of the ledger");
  ledger.add("closes", status.ledger_books.ok());
  if (!status.ledger_books) ledger.add_text("detail", status.ledger_books.error().context);
  books.push_back(ledger.text());
  for (const BookCheck& check : status.checks) {
    JsonObject book;
    book.add_text("name", check.name);
    book.add("left", check.left);
    book.add("right", check.right);
    if (check.not_compared.empty()) {
      book.add("closes", check.closes());
    } else {
      book.add_text("not_compared", check.not_compared);
    }
    books.push_back(book.text());
  }
  json.add_array("books", books);
}

void add_rates(JsonObject& json, const StoreStatus& status) {
  if (status.covered_ns <= 0) return;
  const double seconds = static_cast<double>(status.covered_ns) / static_cast<double>(kNsPerSecond);
  const Recorded sum = recorded(status);
  json.add_raw("covered_seconds", fmt::format("{:.9f}", seconds));
  json.add_raw("frames_per_second", fmt::format("{:.3f}", as_double(sum.frames) / seconds));
  json.add_raw("wire_bytes_per_second", fmt::format("{:.3f}", as_double(sum.wire_bytes) / seconds));
}

}  // namespace

std::string format_status(const StoreStatus& status) {
  std::string text =
      line("store", fmt::format("{}, sensor {}, format {}", status.path, status.sensor, status.format));
  text += line("writer", status.writer_active ? "process " + status.writer_pid : "none");
  text += format_sources(status) + format_packets(status.packets) + format_sessions(status.sessions);
  text += format_ledger(status) + format_rates(status) + format_holds(status.holds) + format_scrub(status);
  text += format_findings(status.tap);
  for (const Error& error : status.unreadable) text += line("damage", error.context);
  return text;
}

std::string status_json(const StoreStatus& status) {
  JsonObject json;
  json.add_text("store", status.path);
  json.add_text("sensor", status.sensor);
  json.add("format", status.format);
  json.add("intact", status.intact());
  json.add("writer_active", status.writer_active);
  if (status.writer_active) json.add_text("writer_pid", status.writer_pid);
  std::vector<std::string> sources;
  for (const Source& source : status.sources) sources.push_back(source_json(source, status));
  json.add_array("sources", sources);
  json.add_raw("packets", packets_json(status.packets));
  json.add_raw("sessions", sessions_json(status.sessions));
  json.add_raw("ledger", ledger_json(status));
  add_books(json, status);
  add_rates(json, status);
  json.add_raw("holds", holds_json(status.holds));
  json.add_array("tap", findings_json(status.tap));
  if (status.scrub) json.add_raw("scrub", scrub_json(*status.scrub));
  std::vector<std::string> damage;
  for (const Error& error : status.unreadable) damage.push_back(query::json_string(error.context));
  json.add_array("unreadable", damage);
  return json.text();
}

}  // namespace tapline::tools

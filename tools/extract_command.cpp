// tapline extract: the exact packets of sessions, hosts, ports, ... as a capture file.

#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "storage/query/extraction.hpp"
#include "storage/query/following.hpp"
#include "tools/capture_writer.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/plan_text.hpp"
#include "tools/reading_options.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

void note_interrupt(int) {
  interrupted = true;
}

CommandLine make_options() {
  CommandLine options(
      "usage: tapline extract --store DIR [FILTER] [OPTIONS] -w FILE",
      "Writes the packets that match to a capture file, in the order in which they were captured, with their "
      "times\n"
      "unaltered. FILTER is one quoted string or several words: host 10.0.0.5 and port 443, a five-tuple\n"
      "10.0.0.5:51000-203.0.113.9:80/tcp, a session's uid, a Community ID, session fields. Sessions (asked "
      "for\n"
      "by uid or fields) come with all fragments of their datagrams and with the ICMP errors about them. "
      "What the\n"
      "answer could not see is said on standard error, and by the exit code: 0 found, 4 nothing found, 5 cut "
      "short,\n"
      "6 holes.",
      "FILTER");
  options.add_store();
  options.add_question();
  options.add_value("flow", "UID", "only the frames of this session");
  options.add_value("side", "SIDE", "of sessions: both, orig or resp; default both");
  options.add_value("pad", "D", "of sessions: so much before and after, too (5s)");
  options.add_value("format", "FORMAT", "pcap or pcapng; default pcap");
  options.add_value("max-bytes", "SIZE", "stop before the file exceeds SIZE");
  options.add_flag(
      "explain",
      "say which segments, blocks and bytes would be read and how long that may take, and read none");
  add_reading_options(options);
  options.add_flag(
      "follow",
      "then go on with what is recorded, until interrupted (the usual end: exit code by what was given until "
      "then), until --until, or until the recorder ends; of sessions only one by its uid");
  options.add_value("write,w", "FILE", "where to; - is standard output");
  options.add_answer();
  return options;
}

struct ExtractOptions {
  query::PacketQuestion question;
  ReadingOptions reading;
  CaptureFormat format = CaptureFormat::kPcap;
  std::uint64_t bytes_max = 0;  // 0: no limit
  std::string path;
};

Error usage(std::string text) {
  return {ErrorCode::kInvalid, std::move(text)};
}

Status read_sessions(const CommandLine& command_line, query::PacketQuestion& question) {
  if (command_line.has("flow")) {
    const Result<Uid> uid = parse_uid(command_line.text("flow"));
    if (!uid) return usage(fmt::format("--flow: {}", uid.error().context));
    question.flow = *uid;
  }
  if (command_line.has("pad")) {
    const Result<TimeNs> pad = parse_duration(command_line.text("pad"));
    if (!pad) return usage(fmt::format("--pad: {}", pad.error().context));
    question.pad_ns = *pad;
  }
  const std::string side = command_line.text("side");
  if (side == "orig") {
    question.side = query::SessionSide::kOriginator;
  } else if (side == "resp") {
    question.side = query::SessionSide::kResponder;
  } else if (!side.empty() && side != "both") {
    return usage(fmt::format("--side: '{}' is not both, orig or resp", side));
  }
  return {};
}

Status read_output(const CommandLine& command_line, ExtractOptions& options) {
  const std::string format = command_line.text("format");
  if (format == "pcapng") {
    options.format = CaptureFormat::kPcapng;
  } else if (!format.empty() && format != "pcap") {
    return usage(fmt::format("--format: '{}' is not pcap or pcapng", format));
  }
  const Result<std::uint64_t> bytes_max = command_line.size("max-bytes", 0);
  if (!bytes_max) return bytes_max.error();
  options.bytes_max = *bytes_max;
  options.path = command_line.text("write");
  if (options.path.empty() && !command_line.has("explain")) {
    return usage("no output named: use -w FILE, or -w - for standard output");
  }
  if (command_line.has("follow") && command_line.has("explain"))
    return usage("--follow and --explain: what will be recorded cannot be explained; leave one out");
  if (options.path == "-" && is_terminal(STDOUT_FILENO)) {
    return usage("a capture file is not written to a terminal: use -w FILE or redirect standard output");
  }
  return {};
}

Result<ExtractOptions> read_options(const CommandLine& command_line) {
  const Result<query::Filter> filter = command_line.filter();
  if (!filter) return filter.error();
  const Result<TimeWindow> window = command_line.window();
  if (!window) return window.error();
  ExtractOptions options{
      {*filter, *window, {}, query::SessionSide::kBoth, 0}, {}, CaptureFormat::kPcap, 0, {}};
  TAPLINE_TRY(read_sessions(command_line, options.question));
  Result<ReadingOptions> reading = read_reading_options(command_line);
  if (!reading) return reading.error();
  options.reading = *reading;
  TAPLINE_TRY(read_output(command_line, options));
  return options;
}

enum class Written : std::uint8_t { kAll, kInterrupted, kTooLong };

/// True where all were written; false where the file would exceed the limit.
Result<bool> write_runs(std::span<const query::FrameRun> runs, CaptureWriter& writer,
                        std::uint64_t bytes_max) {
  constexpr std::uint64_t kRecordOverheadMax = 64;
  if (bytes_max == 0) {
    TAPLINE_TRY(writer.write(runs));
    return true;
  }
  for (const query::FrameRun& run : runs) {
    for (const Frame& frame : run.frames) {
      if (writer.file_bytes() + frame.captured_bytes + kRecordOverheadMax > bytes_max) return false;
      TAPLINE_TRY(writer.write(frame));
    }
  }
  return true;
}

/// Writes until the end, the limit, an interrupt or an error. `source`: an Extraction, or a Following's
/// slice.
template <class Source>
Result<Written> write_frames(Source& source, CaptureWriter& writer, std::uint64_t bytes_max) {
  while (!interrupted) {
    const std::span<const query::FrameRun> runs = source.next_runs();
    if (runs.empty()) break;
    const bool first = writer.frames() == 0;
    const Result<bool> all = write_runs(runs, writer, bytes_max);
    if (!all) return all.error();
    if (!*all) return Written::kTooLong;
    if (first) TAPLINE_TRY(writer.flush());  // whoever reads a pipe can begin
  }
  return interrupted ? Written::kInterrupted : Written::kAll;
}

void print_news(query::Following& following) {
  for (const std::string& warning : following.take_warnings())
    fmt::print(stderr, "tapline extract: {}\n", warning);
  for (const query::Hole& hole : following.take_new_holes()) {
    fmt::print(stderr, "tapline extract: hole {} to {}: {} ({})\n", format_rfc3339(hole.first_ns),
               format_rfc3339(hole.last_ns), query::hole_reason_name(hole.reason), hole.detail);
  }
}

/// Slice after slice; what was written is flushed whenever there is nothing more yet. An interrupt is the
/// usual end, wherever it comes: coverage then ends where the frames do.
Result<Written> write_followed(query::Following& following, CaptureWriter& writer, std::uint64_t bytes_max) {
  constexpr std::chrono::milliseconds kLookPeriod{200};
  while (true) {
    Result<Written> written = write_frames(following, writer, bytes_max);
    if (!written || *written == Written::kTooLong) return written;
    if (*written == Written::kInterrupted) return Written::kAll;
    print_news(following);
    if (following.ended()) return Written::kAll;
    TAPLINE_TRY(writer.flush());
    std::this_thread::sleep_for(kLookPeriod);
    if (interrupted) return Written::kAll;
    TAPLINE_TRY(following.look_again());
  }
}

/// After everything was written, or was not.
int conclude(const CommandLine& command_line, const Result<Written>& written, CaptureWriter& writer,
             const query::Coverage& coverage, std::uint64_t blocks_read) {
  if (!written) return report_error("extract", written.error());
  if (const Status finished = writer.finish(); !finished) return report_error("extract", finished.error());
  if (writer.frames_out_of_time() > 0) {
    fmt::print(
        stderr,
        "tapline extract: {} frames have times that the format cannot hold; they are written modulo its "
        "range\n",
        writer.frames_out_of_time());
  }
  fmt::print(stderr, "{} frames, {} bytes; {} blocks read\n", writer.frames(), writer.file_bytes(),
             blocks_read);
  const int exit_code = report_coverage("extract", command_line, coverage, writer.frames() > 0);
  if (*written == Written::kAll) return exit_code;
  fmt::print(stderr, "tapline extract: cut short by {}\n",
             *written == Written::kInterrupted ? "a signal" : "--max-bytes");
  return command_line.has("exit-zero") ? kExitOk : kExitCutShort;
}

int extract(const CommandLine& command_line, const ExtractOptions& options, query::Extraction& extraction) {
  Result<CaptureWriter> writer = CaptureWriter::open(options.path, options.format);
  if (!writer) return report_error("extract", writer.error());
  const Result<Written> written = write_frames(extraction, *writer, options.bytes_max);
  return conclude(command_line, written, *writer, extraction.coverage(), extraction.blocks_read());
}

int follow(const CommandLine& command_line, const ExtractOptions& options, const storage::Store& store,
           const query::ReadLimits& limits) {
  Result<query::Following> following = query::Following::start(store, options.question, limits);
  if (!following) return report_error("extract", following.error());
  Result<CaptureWriter> writer = CaptureWriter::open(options.path, options.format);
  if (!writer) return report_error("extract", writer.error());
  const Result<Written> written = write_followed(*following, *writer, options.bytes_max);
  if (following->late_frames() > 0) {
    fmt::print(stderr, "tapline extract: {} frames came on the disk late and stand out of order\n",
               following->late_frames());
  }
  return conclude(command_line, written, *writer, following->coverage(), following->blocks_read());
}

void print_plan(const ExtractOptions& options, const query::PlanTotals& plan) {
  const std::string filter = options.question.filter.to_string();
  if (options.question.flow) fmt::print("session             {}\n", format_uid(*options.question.flow));
  fmt::print("filter              {}\n", filter.empty() ? "(everything)" : filter);
  fmt::print("{}", plan_text(plan, options.reading));
}

}  // namespace

int run_extract(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("extract", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<ExtractOptions> options = read_options(command_line);
  if (!options) return report_error("extract", options.error());
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("extract", store.error());
  const Result<bool> yields = yield_to_recorder(options->reading.priority, *store);
  if (!yields) return report_error("extract", yields.error());
  storage::IoBudget budget(options->reading.bytes_per_second);
  query::ReadLimits limits = options->reading.limits;
  limits.budget = &budget;
  limits.stop = &interrupted;
  std::signal(SIGINT, note_interrupt);
  std::signal(SIGTERM, note_interrupt);
  if (command_line.has("follow")) return follow(command_line, *options, *store, limits);
  Result<query::Extraction> extraction = query::Extraction::prepare(*store, options->question, limits);
  if (!extraction) return report_error("extract", extraction.error());
  for (const std::string& warning : extraction->warnings())
    fmt::print(stderr, "tapline extract: {}\n", warning);
  if (command_line.has("explain")) {
    print_plan(*options, extraction->plan_totals());
    return kExitOk;
  }
  return extract(command_line, *options, *extraction);
}

}  // namespace tapline::tools

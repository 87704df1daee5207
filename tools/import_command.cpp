// tapline import: capture files into a store.

#include <fmt/core.h>
#include <unistd.h>

#include "capture/base/size.hpp"
#include "storage/recovery.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/import_file.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

constexpr std::uint64_t kFlowsMax = 1u << 28;

constexpr const char* kDescription =
    R"(Records capture files (pcap, pcapng, also .gz and .zst, - for standard input) into a store: packets, session
records, and an account of every frame. The store is made if it does not exist. A file that is in the store
already is refused; an import that was interrupted is taken back and begun again. Sessions do not continue
from one file to the next.)";

CommandLine make_options() {
  CommandLine options("usage: tapline import FILE... --store DIR [OPTIONS]", kDescription, "FILE...");
  options.add_store();
  options.add_value("budget", "SIZE",
                    "drop the oldest packets so that packets and indexes stay within SIZE (10GiB)");
  options.add_value("sensor", "NAME",
                    "sensor name of a new store; part of every session's uid; default: host name");
  options.add_value("source", "NAME", "what tells this import from another one of equal content");
  options.add_value("flows-max", "N",
                    "room for so many concurrent sessions, 474 bytes each; default 1048576");
  options.add_flag(
      "count-copies",
      "count a frame that the tap shows twice as two packets, as most tools do; else it is counted "
      "apart, in duplicate_packets");
  options.add_flag("no-packets", "keep session records only");
  options.add_value("cutoff", "WHAT", sensor::CutoffPolicy::kCutoffHelp);
  options.add_value("cutoff-for", "FILTER=WHAT", sensor::CutoffPolicy::kCutoffForHelp);
  return options;
}

void print_result(const ImportResult& result) {
  if (result.files_taken_back > 0) {
    fmt::print(stderr,
               "an earlier import of {} was interrupted: its {} files were removed, and it began again\n",
               result.source.path, result.files_taken_back);
  }
  fmt::print("{}: {} frames, {} on the wire, {} sessions; stored {} in {} segments, index {}\n",
             result.source.path, result.source.frames, format_size(result.source.wire_bytes),
             result.flows.flows_begun, format_size(result.segments.stored_bytes),
             result.segments.segments_published, format_size(result.segments.index_bytes));
  if (result.flows.frames_duplicate > 0) {
    fmt::print(stderr,
               "{} frames are copies of others: they are in duplicate_packets, and in no other count\n",
               result.flows.frames_duplicate);
  }
  if (result.segments.encoding.blocks_misencoded > 0) {
    fmt::print(stderr,
               "{} packet blocks were compressed wrongly, and stored raw: test the memory of this machine\n",
               result.segments.encoding.blocks_misencoded);
  }
  if (result.flows.flows_evicted > 0) {
    fmt::print(stderr, "{} sessions were ended early, because the flow table was full: raise --flows-max\n",
               result.flows.flows_evicted);
  }
  if (result.flows.tcp_slab_exhausted > 0) {
    fmt::print(stderr, "{} TCP sessions have no state and history, for want of room: raise --flows-max\n",
               result.flows.tcp_slab_exhausted);
  }
  if (result.segments_evicted > 0) {
    fmt::print(stderr, "{} segments were dropped to stay within the budget\n", result.segments_evicted);
  }
  if (!result.source.damage.empty()) fmt::print(stderr, "tapline import: {}\n", result.source.damage);
}

Result<ImportOptions> read_options(const CommandLine& command_line) {
  ImportOptions options;
  options.source_name = command_line.text("source");
  options.store_packets = !command_line.has("no-packets");
  options.count_copies = command_line.has("count-copies");
  options.show_progress = is_terminal(STDERR_FILENO);
  Result<sensor::CutoffPolicy> cutoff = sensor::CutoffPolicy::parse(
      command_line.text("cutoff"), command_line.texts("cutoff-for"), options.store_packets);
  if (!cutoff) return Error{cutoff.error().code, "--" + cutoff.error().context};
  options.cutoff = std::move(*cutoff);
  const Result<std::uint64_t> budget = command_line.size("budget", 0);
  if (!budget) return budget.error();
  if (command_line.has("budget") && *budget == 0)
    return Error{ErrorCode::kInvalid, "--budget: '0' leaves room for nothing: leave it out for no limit"};
  options.budget_bytes = *budget;
  const Result<std::uint64_t> flows = command_line.number("flows-max", 1u << 20, 1, kFlowsMax);
  if (!flows) return flows.error();
  options.flows_max = static_cast<std::uint32_t>(*flows);
  return options;
}

Status check_books(const ImportResult& result) {
  TAPLINE_TRY(result.totals.check());
  const auto booked = static_cast<std::uint64_t>(result.totals.counts()[storage::kFramePolled]);
  if (booked == result.source.frames) return {};
  return Error{ErrorCode::kCorrupt, fmt::format("{}: {} frames polled, but {} in the ledger",
                                                result.source.path, result.source.frames, booked)};
}

/// One file; the exit code it asks for.
int import_one(const storage::Store& store, const std::string& path, const ImportOptions& options) {
  const Result<ImportResult> result = import_file(store, path, options);
  if (!result) {
    report_error("import", result.error());
    return kExitError;
  }
  print_result(*result);
  if (const Status books = check_books(*result); !books) {
    report_error("import", books.error());
    return kExitIntegrity;
  }
  return result->source.damage.empty() ? kExitOk : kExitError;
}

void print_notices(query::HoldKeeper& holds) {
  for (const std::string& notice : holds.take_notices()) fmt::print(stderr, "{}\n", notice);
}

int import_all(const CommandLine& command_line, ImportOptions options) {
  const Result<std::string> path = command_line.store_path();
  if (!path) return report_error("import", path.error());
  const Result<storage::Store> store = storage::Store::open_or_create(*path, command_line.text("sensor"));
  if (!store) return report_error("import", store.error());
  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(*store);
  if (!lock) return report_error("import", lock.error());
  const auto recovered = storage::recover_store(*store);
  if (!recovered) return report_error("import", recovered.error());
  for (const storage::RecoveredFile& file : *recovered) fmt::print(stderr, "{}\n", storage::describe(file));
  storage::HeldSegments held;
  query::HoldKeeperConfig quota;
  quota.quota_bytes = options.budget_bytes / 4;  // as the recorder's default
  const Result<std::unique_ptr<query::HoldKeeper>> holds = query::HoldKeeper::open(*store, held, quota);
  if (!holds) return report_error("import", holds.error());
  options.held = &held;
  options.holds = holds->get();
  int exit_code = kExitOk;
  for (const std::string& file : command_line.words()) {
    const int code = import_one(*store, file, options);
    if (exit_code == kExitOk) exit_code = code;
    (*holds)->step();
    print_notices(**holds);
  }
  return exit_code;
}

}  // namespace

int run_import(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("import", parsed.error());
  if (!*parsed) return kExitOk;
  if (command_line.words().empty()) {
    return report_error("import", {ErrorCode::kInvalid, "no capture file named; see tapline import --help"});
  }
  const Result<ImportOptions> options = read_options(command_line);
  if (!options) return report_error("import", options.error());
  return import_all(command_line, *options);
}

}  // namespace tapline::tools

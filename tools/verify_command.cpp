// tapline verify: every checksum of a store.

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>

#include "capture/base/size.hpp"
#include "storage/catalog.hpp"
#include "storage/verification.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/progress.hpp"
#include "tools/reading_options.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

CommandLine make_options() {
  CommandLine options(
      "usage: tapline verify --store DIR [OPTIONS]",
      "Reads every file of a store and compares it with its checksums, footers and totals. Files that\n"
      "are still open are checked up to their last complete block. Exit code 9: something is damaged.",
      "");
  options.add_store();
  options.add_flag("deep",
                   "decompress every block, too, look at every frame, and compare indexes with the frames");
  add_priority_option(options);
  return options;
}

struct VerifyTotals {
  std::uint64_t files = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t torn_bytes = 0;
  std::uint64_t indexes_missing = 0;
  std::uint64_t expired_files = 0;
  std::uint64_t damaged_files = 0;
};

void verify_one(const storage::CatalogFile& file, bool deep, VerifyTotals& totals) {
  const Result<storage::VerifiedFile> verified = storage::verify_file(file, deep);
  ++totals.files;
  if (!verified) {
    fmt::print("damaged: {}\n", verified.error().context);
    ++totals.damaged_files;
    return;
  }
  totals.blocks += verified->blocks;
  totals.bytes += verified->file_bytes;
  totals.open_files += verified->open ? 1 : 0;
  totals.torn_bytes += verified->torn_bytes;
  totals.indexes_missing += verified->index_missing ? 1 : 0;
  totals.expired_files += verified->expired ? 1 : 0;
}

void print_totals(const VerifyTotals& totals, double seconds) {
  fmt::print("{} files, {} blocks, {} read at {}/s: {} damaged\n", totals.files, totals.blocks,
             format_size(totals.bytes),
             format_size(static_cast<std::uint64_t>(static_cast<double>(totals.bytes) / seconds)),
             totals.damaged_files);
  if (totals.open_files > 0) {
    fmt::print(
        "{} files are open or were left by a writer that died; {} bytes in them are not a complete block\n",
        totals.open_files, totals.torn_bytes);
  }
  if (totals.expired_files > 0)
    fmt::print("{} segments were dropped by the ring meanwhile\n", totals.expired_files);
  if (totals.indexes_missing > 0) {
    fmt::print("{} segments have no index: questions read them whole until `tapline reindex`\n",
               totals.indexes_missing);
  }
}

}  // namespace

int run_verify(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("verify", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<Priority> priority = read_priority(command_line);
  if (!priority) return report_error("verify", priority.error());
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("verify", store.error());
  const Result<bool> yields = yield_to_recorder(*priority, *store);
  if (!yields) return report_error("verify", yields.error());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  if (!catalog) return report_error("verify", catalog.error());

  const auto begun = std::chrono::steady_clock::now();
  VerifyTotals totals;
  std::uint64_t files_total = 0;
  for (const auto* files : {&catalog->segments, &catalog->sessions, &catalog->ledgers})
    files_total += files->size();
  const bool progress = is_terminal(STDERR_FILENO);
  for (const auto* files : {&catalog->segments, &catalog->sessions, &catalog->ledgers}) {
    for (const storage::CatalogFile& file : *files) {
      if (progress) fmt::print(stderr, "\r{} of {} files\x1b[K", totals.files, files_total);
      verify_one(file, command_line.has("deep"), totals);
    }
  }
  if (progress) fmt::print(stderr, "\r\x1b[K");
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
  print_totals(totals, elapsed.count());
  return totals.damaged_files == 0 ? kExitOk : kExitIntegrity;
}

}  // namespace tapline::tools

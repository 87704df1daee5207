// tapline verify: every checksum of a store.

#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "capture/base/size.hpp"
#include "storage/catalog.hpp"
#include "storage/io_budget.hpp"
#include "storage/query/json_text.hpp"
#include "storage/verification.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/parallel_tasks.hpp"
#include "tools/reading_options.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

CommandLine make_options() {
  CommandLine options(
      "usage: tapline verify --store DIR [OPTIONS]",
      "Reads every file of a store and compares it with its checksums, footers and totals, segments with "
      "their\n"
      "indexes, and each file with the one that its writer says came before it. Files that are still open "
      "are\n"
      "checked up to their last complete block. Exit code 9: something is damaged or missing.",
      "");
  options.add_store();
  options.add_flag("deep",
                   "decompress every block, too, look at every frame, and compare indexes with the frames");
  options.add_window();
  options.add_value("threads", "N", "files to read at a time; default: the number of processors");
  options.add_value("io-budget", "SIZE", "read at most SIZE a second; 0 (default): no limit");
  options.add_flag("json", "one JSON object");
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
  std::vector<std::string> damage;  // in the order of the files
  std::vector<std::string> chain_breaks;

  bool intact() const { return damage.empty() && chain_breaks.empty(); }

  void add(const Result<storage::VerifiedFile>& verified) {
    ++files;
    if (!verified) return damage.push_back(verified.error().context);
    blocks += verified->blocks;
    bytes += verified->file_bytes;
    open_files += verified->open ? 1 : 0;
    torn_bytes += verified->torn_bytes;
    indexes_missing += verified->index_missing ? 1 : 0;
    expired_files += verified->expired ? 1 : 0;
  }
};

/// How far it is, on a terminal.
class VerifyProgress {
 public:
  VerifyProgress(std::uint64_t files_total, std::uint64_t bytes_total)
      : enabled_(is_terminal(STDERR_FILENO)), files_total_(files_total), bytes_total_(bytes_total) {}
  ~VerifyProgress() {
    if (enabled_) fmt::print(stderr, "\r\x1b[K");
  }
  VerifyProgress(const VerifyProgress&) = delete;
  VerifyProgress& operator=(const VerifyProgress&) = delete;

  void draw(std::uint64_t files, std::uint64_t bytes) {
    constexpr std::chrono::milliseconds kInterval(200);
    const auto now = std::chrono::steady_clock::now();
    if (!enabled_ || now - drawn_at_ < kInterval) return;
    drawn_at_ = now;
    const double rate = static_cast<double>(bytes) / std::chrono::duration<double>(now - begun_).count();
    std::string line = fmt::format("{} of {} files, {} of {}, {}/s", files, files_total_, format_size(bytes),
                                   format_size(bytes_total_), format_size(static_cast<std::uint64_t>(rate)));
    if (bytes_total_ > bytes && rate > 0)
      line += fmt::format(", {:.0f} s left", static_cast<double>(bytes_total_ - bytes) / rate);
    fmt::print(stderr, "\r{}\x1b[K", line);
    std::fflush(stderr);
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

 private:
  const bool enabled_;
  const std::uint64_t files_total_;
  const std::uint64_t bytes_total_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_at_ = begun_;
};

void print_totals(const VerifyTotals& totals) {
  for (const std::string& damage : totals.damage) fmt::print("damaged: {}\n", damage);
  for (const std::string& chain_break : totals.chain_breaks) fmt::print("{}\n", chain_break);
  fmt::print("{} files, {} blocks, {}: {} damaged, {} breaks in the chains\n", totals.files, totals.blocks,
             format_size(totals.bytes), totals.damage.size(), totals.chain_breaks.size());
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

std::vector<std::string> as_json(const std::vector<std::string>& texts) {
  std::vector<std::string> strings;
  for (const std::string& text : texts) strings.push_back(query::json_string(text));
  return strings;
}

void print_json(const VerifyTotals& totals, bool deep) {
  query::JsonObject json;
  json.add("intact", totals.intact());
  json.add("deep", deep);
  json.add("files", totals.files);
  json.add("blocks", totals.blocks);
  json.add("file_bytes", totals.bytes);
  json.add("open_files", totals.open_files);
  json.add("torn_bytes", totals.torn_bytes);
  json.add("expired_segments", totals.expired_files);
  json.add("indexes_missing", totals.indexes_missing);
  json.add_array("damaged", as_json(totals.damage));
  json.add_array("chain_breaks", as_json(totals.chain_breaks));
  fmt::print("{}\n", json.text());
}

/// Those that touch the window, segments first; of open ones no name tells the times.
std::vector<storage::CatalogFile> select_files(const storage::Catalog& catalog, const TimeWindow& window) {
  std::vector<storage::CatalogFile> selected;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const storage::CatalogFile& file : *files) {
      if (file.open || window.touches(file.name.first_ns, file.name.last_ns)) selected.push_back(file);
    }
  }
  return selected;
}

struct VerifyQuestion {
  bool deep = false;
  TimeWindow window;
  unsigned threads = 1;
  std::uint64_t bytes_per_second = 0;
};

VerifyTotals verify_files(const storage::Catalog& catalog, const VerifyQuestion& question) {
  const std::vector<storage::CatalogFile> files = select_files(catalog, question.window);
  std::uint64_t bytes_total = 0;
  for (const storage::CatalogFile& file : files) bytes_total += file.file_bytes;
  storage::IoBudget budget(question.bytes_per_second);
  std::atomic<std::uint64_t> bytes_read{0};  // relaxed: for people
  std::atomic<std::uint64_t> files_read{0};
  storage::VerifyOptions options;
  options.deep = question.deep;
  options.on_read = [&](std::uint64_t bytes) {
    bytes_read.fetch_add(bytes, std::memory_order_relaxed);
    budget.spend(bytes);
    return true;
  };
  std::vector<Result<storage::VerifiedFile>> results(files.size(), Error{});
  VerifyProgress progress(files.size(), bytes_total);
  run_tasks(
      files.size(), question.threads,
      [&](std::size_t number) {
        results[number] = storage::verify_file(files[number], options);
        files_read.fetch_add(1, std::memory_order_relaxed);
      },
      [&] {
        progress.draw(files_read.load(std::memory_order_relaxed), bytes_read.load(std::memory_order_relaxed));
      });
  VerifyTotals totals;
  std::vector<storage::ChainLink> links;
  for (const Result<storage::VerifiedFile>& result : results) {
    totals.add(result);
    if (result && result->link) links.push_back(*result->link);
  }
  totals.chain_breaks = storage::find_chain_breaks(catalog, links);
  const double seconds = progress.seconds();
  const auto rate = static_cast<double>(bytes_read.load(std::memory_order_relaxed)) / seconds;
  fmt::print(stderr, "read {} in {:.1f} s, {}/s\n", format_size(bytes_read.load(std::memory_order_relaxed)),
             seconds, format_size(static_cast<std::uint64_t>(rate)));
  return totals;
}

Result<VerifyQuestion> read_question(const CommandLine& command_line) {
  VerifyQuestion question;
  question.deep = command_line.has("deep");
  const Result<TimeWindow> window = command_line.window();
  if (!window) return window.error();
  question.window = *window;
  const Result<std::uint64_t> threads = command_line.number("threads", default_threads(), 1, kThreadsMax);
  if (!threads) return threads.error();
  question.threads = static_cast<unsigned>(*threads);
  const Result<std::uint64_t> rate = command_line.size("io-budget", 0);
  if (!rate) return rate.error();
  question.bytes_per_second = *rate;
  return question;
}

}  // namespace

int run_verify(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("verify", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<Priority> priority = read_priority(command_line);
  if (!priority) return report_error("verify", priority.error());
  const Result<VerifyQuestion> question = read_question(command_line);
  if (!question) return report_error("verify", question.error());
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("verify", store.error());
  const Result<bool> yields = yield_to_recorder(*priority, *store);
  if (!yields) return report_error("verify", yields.error());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  if (!catalog) return report_error("verify", catalog.error());
  const VerifyTotals totals = verify_files(*catalog, *question);
  command_line.has("json") ? print_json(totals, question->deep) : print_totals(totals);
  return totals.intact() ? kExitOk : kExitIntegrity;
}

}  // namespace tapline::tools

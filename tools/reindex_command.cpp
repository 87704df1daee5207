// tapline reindex: indexes from segments alone.

#include <fmt/core.h>

#include "storage/catalog.hpp"
#include "storage/segment_index.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/parallel_tasks.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

constexpr unsigned kThreadsMax = 1024;

CommandLine make_options() {
  CommandLine options(
      "usage: tapline reindex --store DIR [OPTIONS]",
      "Rebuilds the index of every finished segment by decoding its frames. Answers do not change; they\n"
      "only get faster where an index was missing or damaged. Blocks that cannot be read are reported, and\n"
      "stay holes in every answer. The bytes are those that the recorder wrote, whatever the threads.",
      "");
  options.add_store();
  options.add_value("threads", "N", "segments to read at a time; default: the number of processors");
  return options;
}

int reindex(const storage::Catalog& catalog, unsigned threads) {
  std::vector<std::string> paths;
  for (const storage::CatalogFile& segment : catalog.segments) {
    if (!segment.open) paths.push_back(segment.path);
  }
  std::vector<Result<std::vector<Error>>> results(paths.size(), Error{});
  run_tasks(
      paths.size(), threads,
      [&](std::size_t number) {
        results[number] = storage::rebuild_index(paths[number], storage::index_path_of(paths[number]));
      },
      [] {});
  std::uint64_t rebuilt = 0;
  int exit_code = kExitOk;
  for (const Result<std::vector<Error>>& built : results) {
    if (!built) {
      exit_code = report_error("reindex", built.error());
      continue;
    }
    ++rebuilt;
    for (const Error& unreadable : *built) exit_code = report_error("reindex", unreadable);
  }
  fmt::print("{} indexes rebuilt\n", rebuilt);
  return exit_code;
}

}  // namespace

int run_reindex(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("reindex", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<std::uint64_t> threads = command_line.number("threads", default_threads(), 1, kThreadsMax);
  if (!threads) return report_error("reindex", threads.error());
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("reindex", store.error());
  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(*store);
  if (!lock) return report_error("reindex", lock.error());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  if (!catalog) return report_error("reindex", catalog.error());
  return reindex(*catalog, static_cast<unsigned>(*threads));
}

}  // namespace tapline::tools

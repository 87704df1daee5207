// tapline reindex: indexes from segments alone.

#include <fmt/core.h>

#include <algorithm>

#include "storage/catalog.hpp"
#include "storage/scrub_state.hpp"
#include "storage/segment_index.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/parallel_tasks.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

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

/// What the scrub has found wrong with an index is right again.
Status forget_damage(const storage::Store& store, const std::vector<std::string>& rebuilt_paths) {
  Result<storage::ScrubState> scrub = storage::load_scrub_state(store);
  if (!scrub) return scrub.error().code == ErrorCode::kNotFound ? Status() : scrub.error();
  const auto is_rebuilt = [&](const storage::ScrubDamage& damage) {
    return damage.index && std::ranges::any_of(rebuilt_paths, [&](const std::string& path) {
             return path.ends_with("/" + damage.name);
           });
  };
  if (std::erase_if(scrub->damages, is_rebuilt) == 0) return {};
  return storage::save_scrub_state(store, *scrub);
}

int reindex(const storage::Store& store, const storage::Catalog& catalog, unsigned threads) {
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
  std::vector<std::string> rebuilt;
  int exit_code = kExitOk;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Result<std::vector<Error>>& built = results[i];
    if (!built) {
      exit_code = report_error("reindex", built.error());
      continue;
    }
    rebuilt.push_back(paths[i]);
    for (const Error& unreadable : *built) exit_code = report_error("reindex", unreadable);
  }
  if (const Status forgotten = forget_damage(store, rebuilt); !forgotten)
    exit_code = report_error("reindex", forgotten.error());
  fmt::print("{} indexes rebuilt\n", rebuilt.size());
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
  return reindex(*store, *catalog, static_cast<unsigned>(*threads));
}

}  // namespace tapline::tools

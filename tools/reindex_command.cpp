// tapline reindex: indexes from segments alone.

#include <fmt/core.h>

#include "storage/catalog.hpp"
#include "storage/segment_index.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/report.hpp"

namespace tapline::tools {
namespace {

CommandLine make_options() {
  CommandLine options(
      "usage: tapline reindex --store DIR",
      "Rebuilds the index of every finished segment by decoding its frames. Answers do not change; they\n"
      "only get faster where an index was missing or damaged. Blocks that cannot be read are reported, and\n"
      "stay holes in every answer.",
      "");
  options.add_store();
  return options;
}

}  // namespace

int run_reindex(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("reindex", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("reindex", store.error());
  const Result<storage::StoreLock> lock = storage::StoreLock::acquire(*store);
  if (!lock) return report_error("reindex", lock.error());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  if (!catalog) return report_error("reindex", catalog.error());
  std::uint64_t rebuilt = 0;
  int exit_code = kExitOk;
  for (const storage::CatalogFile& segment : catalog->segments) {
    if (segment.open) continue;
    const Result<std::vector<Error>> built =
        storage::rebuild_index(segment.path, storage::index_path_of(segment.path));
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

}  // namespace tapline::tools

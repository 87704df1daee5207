#include "storage/session_file_reader.hpp"

#include <fmt/core.h>

#include <limits>

#include "storage/catalog.hpp"

namespace tapline::storage {

Result<SessionFileReader> SessionFileReader::open(const std::string& path) {
  Result<ContainerReader> container = open_listed(path);
  if (!container) return container.error();
  if (container->header().kind != kKindSessions) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("{}: not a session file (kind {})", path, container->header().kind)};
  }
  Result<std::vector<BlockEntry>> groups = container->load_entries();
  if (!groups) return groups.error();
  return SessionFileReader(std::move(*container), std::move(*groups));
}

Result<TimeNs> SessionFileReader::complete_until_ns() {
  if (groups_.empty()) return std::numeric_limits<TimeNs>::min();
  const auto last = static_cast<std::uint32_t>(groups_.size() - 1);
  TAPLINE_TRY(container_.read_block(groups_[last], last, block_));
  const Result<RowGroupView> view = RowGroupView::parse(block_.content);
  if (!view) return Error{view.error().code, fmt::format("{}: {}", container_.path(), view.error().context)};
  return view->header().complete_until_ns;
}

Status SessionFileReader::read_group(std::uint32_t number, std::uint8_t fields, SessionRowReader& rows) {
  TAPLINE_CHECK(number < groups_.size());
  TAPLINE_TRY(container_.read_block(groups_[number], number, block_));
  if (Status opened = rows.open(block_.content, fields); !opened) {
    return Error{opened.error().code,
                 fmt::format("{}: group {}: {}", container_.path(), number, opened.error().context)};
  }
  return {};
}

}  // namespace tapline::storage

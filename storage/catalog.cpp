#include "storage/catalog.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

namespace tapline::storage {
namespace {

Result<std::vector<CatalogFile>> list_files(const std::string& directory, std::string_view suffix) {
  std::vector<CatalogFile> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string file_name = entry->path().filename().string();
    CatalogFile file{entry->path().string(), is_open_name(file_name, suffix), {}, 0};
    if (!file.open) {
      const std::optional<FinalName> name = parse_final_name(file_name, suffix);
      if (!name) continue;
      file.name = *name;
    }
    std::error_code vanished;
    const std::uintmax_t bytes = entry->file_size(vanished);
    if (vanished) continue;
    file.file_bytes = bytes;
    files.push_back(std::move(file));
  }
  if (error) return Error{ErrorCode::kIo, fmt::format("cannot list {}: {}", directory, error.message())};
  std::ranges::sort(files, {}, [](const CatalogFile& file) {
    return std::tuple(file.open, file.name.first_ns, file.name.last_ns, file.path);
  });
  return files;
}

}  // namespace

Result<Catalog> Catalog::scan(const Store& store) {
  Catalog catalog;
  const std::tuple<std::vector<CatalogFile>*, std::string, std::string_view> lists[] = {
      {&catalog.segments, store.packets_directory(), kPacketSuffix},
      {&catalog.expired, store.packets_directory(), kExpiredSuffix},
      {&catalog.sessions, store.sessions_directory(), kSessionSuffix},
      {&catalog.ledgers, store.ledger_directory(), kLedgerSuffix},
  };
  for (const auto& [files, directory, suffix] : lists) {
    Result<std::vector<CatalogFile>> found = list_files(directory, suffix);
    if (!found) return found.error();
    *files = std::move(*found);
  }
  return catalog;
}

std::string index_path_of(const std::string& path) {
  const std::string_view suffix = path.ends_with(kSessionSuffix) ? kSessionSuffix : kPacketSuffix;
  return path.substr(0, path.size() - suffix.size()) + std::string(kIndexSuffix);
}

}  // namespace tapline::storage

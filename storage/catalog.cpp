#include "storage/catalog.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <tuple>

namespace tapline::storage {
namespace {

void append(std::vector<CatalogFile>&& more, std::vector<CatalogFile>& files) {
  files.insert(files.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void add_volume_files(StoreDirectory&& listed, Catalog& catalog) {
  append(std::move(listed.files), catalog.segments);
  append(std::move(listed.expired), catalog.expired);
  append(std::move(listed.damaged), catalog.damaged);
  std::ranges::move(listed.strays, std::back_inserter(catalog.strays));
}

}  // namespace

Result<Catalog> Catalog::scan_packets(const Store& store) {
  const Result<std::vector<StoreVolume>> volumes = list_volumes(store);
  if (!volumes) return volumes.error();
  Catalog catalog;
  for (const StoreVolume& volume : *volumes) {
    const Status identity = check_identity(volume);
    Result<StoreDirectory> listed = identity ? StoreDirectory::list(volume.packets_directory(), kPacketSuffix)
                                             : Result<StoreDirectory>(identity.error());
    if (listed) {
      add_volume_files(std::move(*listed), catalog);
    } else if (volume.own()) {
      return listed.error();
    } else {
      catalog.missing_volumes.push_back(volume);
    }
  }
  // Folded ones, and those of several volumes.
  std::ranges::stable_sort(catalog.expired, {}, [](const CatalogFile& file) { return file.name.first_ns; });
  if (volumes->size() > 1) {
    std::ranges::sort(catalog.segments, {}, [](const CatalogFile& file) {
      return std::tuple(file.open, file.name.first_ns, file.name.last_ns, file.path);
    });
  }
  return catalog;
}

Result<Catalog> Catalog::scan(const Store& store) {
  Result<Catalog> scanned = scan_packets(store);
  if (!scanned) return scanned;
  Catalog& catalog = *scanned;
  Result<StoreDirectory> sessions = StoreDirectory::list(store.sessions_directory(), kSessionSuffix);
  if (!sessions) return sessions.error();
  Result<StoreDirectory> ledger = StoreDirectory::list(store.ledger_directory(), kLedgerSuffix);
  if (!ledger) return ledger.error();
  catalog.sessions = std::move(sessions->files);
  catalog.expired_sessions = std::move(sessions->expired);
  catalog.ledgers = std::move(ledger->files);
  for (StoreDirectory* const records : {&*sessions, &*ledger}) {
    append(std::move(records->damaged), catalog.damaged);
    std::ranges::move(records->strays, std::back_inserter(catalog.strays));
  }
  return scanned;
}

bool has_vanished(const std::string& path) {
  std::error_code error;
  return !std::filesystem::exists(path, error) && !error;
}

Result<CatalogFile> find_again(const std::string& path) {
  const std::filesystem::path listed(path);
  const std::string directory = listed.parent_path().string();
  const Result<std::vector<std::string>> names = list_names(directory);
  if (!names) return names.error();
  std::optional<CatalogFile> wanted;
  std::string_view suffix;
  for (const std::string_view candidate : {kPacketSuffix, kSessionSuffix, kLedgerSuffix}) {
    wanted = parse_name(listed.filename().string(), candidate);
    suffix = candidate;
    if (wanted) break;
  }
  std::optional<CatalogFile> found;
  for (const std::string& file_name : *names) {
    if (!wanted) break;
    std::optional<CatalogFile> file = parse_name(file_name, suffix);
    if (!file) file = parse_name(file_name, kExpiredSuffix);
    if (!file || file->name.id_high != wanted->name.id_high) continue;
    if (found && file->open) continue;
    found = std::move(file);
    found->path = fmt::format("{}/{}", directory, file_name);
  }
  if (found) return *found;
  return Error{ErrorCode::kNotFound, fmt::format("{} is gone", path)};
}

Result<ContainerReader> open_listed(CatalogFile& file) {
  constexpr int kMovesMax = 3;  // published, expired, and one to spare
  for (int move = 0;; ++move) {
    Result<ContainerReader> reader = ContainerReader::open(file.path);
    if (reader || move == kMovesMax) return reader;
    if (reader.error().code != ErrorCode::kNotFound && !has_vanished(file.path)) return reader;
    Result<CatalogFile> found = find_again(file.path);
    if (!found) return found.error();
    file = std::move(*found);
    if (file.path.ends_with(kExpiredSuffix))
      return Error{ErrorCode::kNotFound, fmt::format("{}: the ring has dropped it", file.path)};
  }
}

Result<ContainerReader> open_listed(const std::string& path) {
  CatalogFile file;
  file.path = path;
  return open_listed(file);
}

std::string index_path_of(const std::string& path) {
  const std::string_view suffix = path.ends_with(kSessionSuffix) ? kSessionSuffix : kPacketSuffix;
  return path.substr(0, path.size() - suffix.size()) + std::string(kIndexSuffix);
}

}  // namespace tapline::storage

#include "storage/catalog.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <tuple>
#include <unordered_set>

#include "storage/container_layout.hpp"

namespace tapline::storage {
namespace {

/// What `file_name` says about a file with `suffix`; nothing where it is none.
std::optional<CatalogFile> parse_name(const std::string& file_name, std::string_view suffix) {
  CatalogFile file;
  if (is_open_name(file_name, suffix)) {
    file.open = true;
    file.name.id_high = *parse_open_id_high(file_name);
    return file;
  }
  const std::optional<FinalName> name = parse_final_name(file_name, suffix);
  if (!name) return std::nullopt;
  file.name = *name;
  return file;
}

/// A file that was renamed while its directory was listed may be there twice: its last name counts.
void remove_renamed(std::vector<CatalogFile>& files) {
  std::unordered_set<std::uint64_t> finished;
  for (const CatalogFile& file : files) {
    if (!file.open) finished.insert(file.name.id_high);
  }
  std::erase_if(files,
                [&](const CatalogFile& file) { return file.open && finished.contains(file.name.id_high); });
}

/// The files with `suffix`. A file that vanishes before its size is known keeps its place with size 0:
/// readers look again.
std::vector<CatalogFile> select_files(const std::string& directory, const std::vector<std::string>& names,
                                      std::string_view suffix, std::vector<std::string>& strays) {
  std::vector<CatalogFile> files;
  for (const std::string& file_name : names) {
    std::optional<CatalogFile> file = parse_name(file_name, suffix);
    if (!file) continue;
    file->path = directory + "/" + file_name;
    std::error_code vanished;
    const std::uintmax_t bytes = std::filesystem::file_size(file->path, vanished);
    file->file_bytes = vanished ? 0 : bytes;
    if (file->open && !vanished && bytes < kFirstBlockOffset) {
      strays.push_back(std::move(file->path));
    } else {
      files.push_back(std::move(*file));
    }
  }
  remove_renamed(files);
  std::ranges::sort(files, {}, [](const CatalogFile& file) {
    return std::tuple(file.open, file.name.first_ns, file.name.last_ns, file.path);
  });
  return files;
}

void add_steps(const std::string& directory, const std::vector<std::string>& names, Catalog& catalog) {
  for (const std::string& file_name : names) {
    const std::optional<StepName> step = parse_step_name(file_name);
    if (!step) continue;
    const std::string path = directory + "/" + file_name;
    const std::string open_path =
        fmt::format("{}/open-{}{}{}", directory, step->open_digits, kPacketSuffix, kOpenSuffix);
    const auto segment = std::ranges::find(catalog.segments, open_path, &CatalogFile::path);
    if (segment == catalog.segments.end()) {
      catalog.strays.push_back(path);
    } else {
      segment->steps.push_back({path, step->first_block, step->end_block});
    }
  }
  for (CatalogFile& segment : catalog.segments) std::ranges::sort(segment.steps, {}, &IndexStep::first_block);
}

/// Drafts, and indexes of which there is no file with `suffix`. `names` are sorted.
void add_litter(const std::string& directory, const std::vector<std::string>& names, std::string_view suffix,
                std::vector<std::string>& strays) {
  for (const std::string& file_name : names) {
    const std::optional<FinalName> index = parse_final_name(file_name, kIndexSuffix);
    const bool lonely = index && !std::ranges::binary_search(names, final_name(*index, suffix));
    if (lonely || file_name.ends_with(kDraftSuffix)) strays.push_back(directory + "/" + file_name);
  }
}

}  // namespace

Result<Catalog> Catalog::scan_packets(const Store& store) {
  Catalog catalog;
  const std::string packets = store.packets_directory();
  const Result<std::vector<std::string>> packet_names = list_names(packets);
  if (!packet_names) return packet_names.error();
  catalog.segments = select_files(packets, *packet_names, kPacketSuffix, catalog.strays);
  catalog.expired = select_files(packets, *packet_names, kExpiredSuffix, catalog.strays);
  catalog.damaged = select_files(packets, *packet_names, kDamagedSuffix, catalog.strays);
  add_steps(packets, *packet_names, catalog);
  add_litter(packets, *packet_names, kPacketSuffix, catalog.strays);
  return catalog;
}

Result<Catalog> Catalog::scan(const Store& store) {
  Result<Catalog> scanned = scan_packets(store);
  if (!scanned) return scanned;
  Catalog& catalog = *scanned;
  const std::tuple<std::vector<CatalogFile>*, std::string, std::string_view> records[] = {
      {&catalog.sessions, store.sessions_directory(), kSessionSuffix},
      {&catalog.ledgers, store.ledger_directory(), kLedgerSuffix},
  };
  for (const auto& [files, directory, suffix] : records) {
    const Result<std::vector<std::string>> names = list_names(directory);
    if (!names) return names.error();
    *files = select_files(directory, *names, suffix, catalog.strays);
    std::ranges::move(select_files(directory, *names, kDamagedSuffix, catalog.strays),
                      std::back_inserter(catalog.damaged));
    add_litter(directory, *names, suffix, catalog.strays);
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
    found->path = directory + "/" + file_name;
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

#include "storage/store_directory.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>
#include <tuple>
#include <unordered_set>

#include "storage/container_layout.hpp"
#include "storage/expired_intervals.hpp"

namespace tapline::storage {
namespace {

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
    file->path = fmt::format("{}/{}", directory, file_name);
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

void add_steps(const std::string& path, const std::vector<std::string>& names, StoreDirectory& listed) {
  for (const std::string& file_name : names) {
    const std::optional<StepName> step = parse_step_name(file_name);
    if (!step) continue;
    const std::string step_path = fmt::format("{}/{}", path, file_name);
    const std::string open_path =
        fmt::format("{}/open-{}{}{}", path, step->open_digits, kPacketSuffix, kOpenSuffix);
    const auto segment = std::ranges::find(listed.files, open_path, &CatalogFile::path);
    if (segment == listed.files.end()) {
      listed.strays.push_back(step_path);
    } else {
      segment->steps.push_back({step_path, step->first_block, step->end_block});
    }
  }
  for (CatalogFile& segment : listed.files) std::ranges::sort(segment.steps, {}, &IndexStep::first_block);
}

/// Drafts, and indexes of which there is no file with `suffix`. `names` are sorted.
void add_litter(const std::string& directory, const std::vector<std::string>& names, std::string_view suffix,
                std::vector<std::string>& strays) {
  for (const std::string& file_name : names) {
    const std::optional<FinalName> index = parse_final_name(file_name, kIndexSuffix);
    const bool lonely = index && !std::ranges::binary_search(names, final_name(*index, suffix));
    if (lonely || file_name.ends_with(kDraftSuffix))
      strays.push_back(fmt::format("{}/{}", directory, file_name));
  }
}

/// What was folded (expired_intervals.hpp). Without a checksum of its own to trust, a damaged one may hide
/// anything.
void add_folded(const std::string& path, StoreDirectory& listed) {
  const Result<std::vector<ExpiredInterval>> folded = load_expired_intervals(path);
  CatalogFile file;
  file.path = expired_intervals_path(path);
  if (!folded) {
    file.name.first_ns = std::numeric_limits<TimeNs>::min();
    file.name.last_ns = std::numeric_limits<TimeNs>::max();
    listed.damaged.push_back(file);
    return;
  }
  for (const ExpiredInterval& interval : *folded) {
    file.name.first_ns = interval.first_ns;
    file.name.last_ns = interval.last_ns;
    listed.expired.push_back(file);
  }
}

}  // namespace

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

Result<StoreDirectory> StoreDirectory::list(const std::string& directory, std::string_view suffix) {
  const Result<std::vector<std::string>> names = list_names(directory);
  if (!names) return names.error();
  StoreDirectory listed;
  listed.files = select_files(directory, *names, suffix, listed.strays);
  listed.expired = select_files(directory, *names, kExpiredSuffix, listed.strays);
  listed.damaged = select_files(directory, *names, kDamagedSuffix, listed.strays);
  add_steps(directory, *names, listed);
  add_litter(directory, *names, suffix, listed.strays);
  add_folded(directory, listed);  // after the names: what was folded since is in both
  return listed;
}

}  // namespace tapline::storage

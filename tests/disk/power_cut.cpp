// FaultDisk::write_image(): what a power cut leaves.

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>

#include "capture/base/check.hpp"
#include "capture/base/file.hpp"
#include "tests/disk/fault_disk.hpp"

namespace tapline::test {
namespace {

namespace fs = std::filesystem;
using Content = std::vector<std::uint8_t>;
using Names = std::map<std::string, std::size_t>;  // path -> number of the file

struct Inode {
  Content now;
  Content synced;
  bool stream = false;
  bool ahead = false;  // its length is that of a stream which goes on
};

/// The disk while its operations are played again.
struct Played {
  std::map<std::size_t, Inode> inodes;
  Names names;
  Names synced_names;

  void play(const FaultDisk::Operation& operation) {
    using Kind = FaultDisk::Kind;
    switch (operation.kind) {
      case Kind::kCreate:
        inodes[operation.file] = {{}, {}, operation.offset == 1, false};
        names[operation.path] = operation.file;
        break;
      case Kind::kAppend: {
        Content& now = inodes[operation.file].now;
        now.resize(operation.offset);
        now.insert(now.end(), operation.bytes.begin(), operation.bytes.end());
        inodes[operation.file].ahead = inodes[operation.file].stream;
        break;
      }
      case Kind::kSync:
        inodes[operation.file].synced = inodes[operation.file].now;
        break;
      case Kind::kTruncate:
        inodes[operation.file].now.resize(operation.offset);
        inodes[operation.file].ahead = false;
        break;
      case Kind::kRename:
        names.erase(operation.path);
        names[operation.to] = operation.file;
        break;
      case Kind::kRemove:
        names.erase(operation.path);
        break;
      case Kind::kSyncDirectory:
        sync_names(operation.path + "/");
        break;
    }
  }

 private:
  void sync_names(const std::string& directory) {
    const auto within = [&](const auto& name) {
      return name.first.starts_with(directory) && name.first.find('/', directory.size()) == std::string::npos;
    };
    std::erase_if(synced_names, within);
    for (const auto& name : names) {
      if (within(name)) synced_names.insert(name);
    }
  }
};

Content keep_sectors(const Inode& inode, std::mt19937_64& random) {
  constexpr std::size_t kSectorBytes = 512;
  Content kept = inode.now;
  for (std::size_t at = 0; at < kept.size(); at += kSectorBytes) {
    const std::size_t end = std::min(at + kSectorBytes, kept.size());
    const auto old_byte = [&](std::size_t i) { return i < inode.synced.size() ? inode.synced[i] : 0; };
    const bool lost = random() % 2 == 0;
    for (std::size_t i = at; lost && i < end; ++i) kept[i] = old_byte(i);
  }
  return kept;
}

Content keep_length(const Inode& inode) {
  Content kept = inode.synced;
  kept.resize(inode.now.size());
  return kept;
}

/// Often none, or less than a sector, or a few of them.
std::size_t zeroes_ahead(std::size_t operation_count, const Survival& survival) {
  std::mt19937_64 random(operation_count * 10'000 + survival.torn_bytes + survival.seed);
  constexpr std::array<std::size_t, 4> kMost = {0, 7, 511, 9000};
  return random() % (kMost[random() % kMost.size()] + 1);
}

Content surviving(const Inode& inode, const Survival& survival, std::mt19937_64& random) {
  switch (survival.content) {
    case Survival::Content::kSynced:
      return inode.synced;
    case Survival::Content::kSectors:
      return keep_sectors(inode, random);
    case Survival::Content::kLengthOnly:
      return keep_length(inode);
    case Survival::Content::kAll:
    case Survival::Content::kTorn:
      break;
  }
  return inode.now;
}

}  // namespace

void FaultDisk::write_image(std::size_t operation_count, const Survival& survival,
                            const std::string& folder) const {
  Played played;
  const Operation* last_append = nullptr;
  for (std::size_t i = 0; i < operation_count; ++i) {
    played.play(operations_[i]);
    if (operations_[i].kind == Kind::kAppend) last_append = &operations_[i];
  }
  if (survival.content == Survival::Content::kTorn && last_append != nullptr) {
    Content& torn = played.inodes[last_append->file].now;
    torn.resize(std::min(torn.size(), last_append->offset + survival.torn_bytes));
  }
  fs::create_directories(folder);
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.is_directory()) fs::create_directories(folder / fs::relative(entry.path(), folder_));
  }
  std::mt19937_64 random(survival.seed);
  for (const auto& [path, number] : survival.all_names ? played.names : played.synced_names) {
    const std::string copy = folder + path.substr(folder_.size());
    Result<File> file = File::create(copy);
    Content content = surviving(played.inodes[number], survival, random);
    if (played.inodes[number].ahead) content.resize(content.size() + zeroes_ahead(operation_count, survival));
    TAPLINE_CHECK(file && file->write_all(content));
  }
}

}  // namespace tapline::test

#include "sensor/store_keeper.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

#include "storage/recovery.hpp"

namespace tapline::sensor {
namespace {

constexpr std::chrono::seconds kPeriod{1};

}  // namespace

void StoreKeeper::step() {
  ring_.keep();
  recover_one();
}

void StoreKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stop_requested_) {
    lock.unlock();
    step();
    lock.lock();
    stopping_.wait_for(lock, kPeriod, [this] { return stop_requested_; });
  }
}

void StoreKeeper::request_stop() {
  const std::lock_guard lock(mutex_);
  stop_requested_ = true;
  stopping_.notify_all();
}

void StoreKeeper::finish() {
  while (recover_one()) {
  }
}

/// One at a time, so that a stop need not wait for many.
bool StoreKeeper::recover_one() {
  for (const std::string& path : ring_.find_leftovers()) {
    if (hopeless_.contains(path)) continue;
    const Result<storage::RecoveredFile> recovered =
        storage::recover_file(store_.disk(), path, storage::kPacketSuffix);
    if (!recovered && recovered.error().code == ErrorCode::kUnsupported) hopeless_.insert(path);
    if (!recovered) {
      if (failed_.insert(path).second) note(true, recovered.error().context);
      continue;
    }
    failed_.erase(path);
    note(true, storage::describe(*recovered));
    ring_.reload(std::filesystem::path(path).parent_path().string());
    return true;
  }
  return false;
}

void StoreKeeper::note(bool warning, std::string text) {
  const std::lock_guard lock(mutex_);
  notices_.push_back({warning, std::move(text)});
}

std::vector<SourceNotice> StoreKeeper::take_notices() {
  std::vector<SourceNotice> notices;
  for (storage::RingNotice& notice : ring_.take_notices())
    notices.push_back({notice.alarm, std::move(notice.text)});
  const std::lock_guard lock(mutex_);
  for (SourceNotice& notice : notices_) notices.push_back(std::move(notice));
  notices_.clear();
  return notices;
}

}  // namespace tapline::sensor

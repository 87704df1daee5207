#include "sensor/hold_watch.hpp"

#include <fmt/core.h>
#include <pthread.h>

#include <chrono>
#include <system_error>

namespace tapline::sensor {
namespace {

constexpr std::chrono::milliseconds kLookPeriod{200};

}  // namespace

Result<std::unique_ptr<HoldWatch>> HoldWatch::start(const storage::Store& store, storage::HeldSegments& held,
                                                    std::uint64_t quota_bytes) {
  query::HoldKeeperConfig config;
  config.quota_bytes = quota_bytes;
  Result<std::unique_ptr<query::HoldKeeper>> keeper = query::HoldKeeper::open(store, held, config);
  if (!keeper) return keeper.error();
  std::unique_ptr<HoldWatch> watch(new HoldWatch(std::move(*keeper)));
  try {  // std::thread reports by exceptions
    watch->thread_ = std::thread([raw = watch.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kLimit, fmt::format("cannot start a thread for the holds: {}", error.what())};
  }
  ::pthread_setname_np(watch->thread_.native_handle(), "holds");
  return watch;
}

void HoldWatch::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kLookPeriod, [this] { return stop_; })) {
    lock.unlock();
    keeper_->step();
    lock.lock();
  }
}

HoldWatch::~HoldWatch() {
  keeper_->request_stop();
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace tapline::sensor

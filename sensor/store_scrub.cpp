#include "sensor/store_scrub.hpp"

#include <fmt/core.h>
#include <linux/ioprio.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <system_error>

namespace tapline::sensor {
namespace {

// How soon a new file is looked at when all others have been.
constexpr TimeNs kIdleWaitNs = 10 * kNsPerSecond;

/// Of the calling thread; both are requests that need no privilege, and a kernel that knows neither scrubs at
/// the same rate.
void step_back() {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  static_cast<void>(::setpriority(PRIO_PROCESS, thread, 19));
  static_cast<void>(
      ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
}

}  // namespace

Result<std::unique_ptr<StoreScrub>> StoreScrub::start(const storage::Store& store,
                                                      const storage::ScrubConfig& config) {
  std::unique_ptr<StoreScrub> scrub(new StoreScrub(store, config));
  try {  // std::thread reports by exceptions
    scrub->thread_ = std::thread([raw = scrub.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kLimit, fmt::format("cannot start a thread to scrub: {}", error.what())};
  }
  ::pthread_setname_np(scrub->thread_.native_handle(), "scrub");
  return scrub;
}

void StoreScrub::run() {
  step_back();
  while (!scrubber_.stop_requested()) {
    if (!scrubber_.step()) scrubber_.wait(kIdleWaitNs);
  }
  scrubber_.save();
}

StoreScrub::~StoreScrub() {
  scrubber_.request_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace tapline::sensor

#include "tools/parallel_tasks.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tapline::tools {
namespace {

constexpr std::chrono::milliseconds kLookPeriod{200};

struct Tasks {
  Tasks(std::size_t tasks, const std::function<void(std::size_t)>& run) : count(tasks), task(run) {}

  const std::size_t count;
  const std::function<void(std::size_t)>& task;
  std::atomic<std::size_t> next{0};  // relaxed: it only shares out numbers
  std::mutex mutex;
  std::condition_variable one_ended;
  std::size_t ended = 0;  // under mutex, which orders a task's results before the look at them

  /// False: none is left.
  bool run_one() {
    const std::size_t number = next.fetch_add(1, std::memory_order_relaxed);
    if (number >= count) return false;
    task(number);
    {
      const std::lock_guard lock(mutex);
      ++ended;
    }
    one_ended.notify_one();
    return true;
  }
};

std::vector<std::thread> start_threads(Tasks& tasks, std::size_t threads) {
  std::vector<std::thread> started;
  try {  // std::thread reports by exceptions
    for (std::size_t i = 0; i < threads; ++i) {
      started.emplace_back([&tasks] {
        while (tasks.run_one()) {
        }
      });
    }
  } catch (const std::system_error&) {
    // Those that there are do it.
  }
  return started;
}

}  // namespace

unsigned default_threads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return std::clamp(static_cast<unsigned>(CPU_COUNT(&allowed)), 1u, kThreadsMax);
}

void run_tasks(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& task,
               const std::function<void()>& look) {
  Tasks tasks(count, task);
  std::vector<std::thread> started = start_threads(tasks, std::min<std::size_t>(threads, count));
  while (started.empty() && tasks.run_one()) look();
  std::unique_lock lock(tasks.mutex);
  for (std::size_t seen = 0; seen < count;) {
    tasks.one_ended.wait_for(lock, kLookPeriod, [&] { return tasks.ended > seen; });
    seen = tasks.ended;
    lock.unlock();
    look();
    lock.lock();
  }
  lock.unlock();
  for (std::thread& thread : started) thread.join();
}

}  // namespace tapline::tools

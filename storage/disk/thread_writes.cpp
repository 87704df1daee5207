#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "storage/disk/write_queue.hpp"

namespace tapline {
namespace {

class ThreadWrites : public WriteQueue {
 public:
  ThreadWrites() = default;
  ThreadWrites(const ThreadWrites&) = delete;
  ThreadWrites& operator=(const ThreadWrites&) = delete;
  ~ThreadWrites() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  /// False: not one thread could be started. Fewer than `depth` only write fewer at a time.
  bool start(unsigned depth) {
    try {  // std::thread reports by exceptions
      for (unsigned i = 0; i < depth; ++i) threads_.emplace_back([this] { run(); });
    } catch (const std::system_error&) {
    }
    return !threads_.empty();
  }

  bool begin(const QueuedWrite& write) override {
    {
      const std::lock_guard lock(mutex_);
      to_do_.push_back(write);
    }
    changed_.notify_all();
    return true;
  }

  QueuedWriteResult wait() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !done_.empty(); });
    const QueuedWriteResult result = done_.front();
    done_.pop_front();
    return result;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !to_do_.empty(); });
      if (to_do_.empty()) return;
      const QueuedWrite write = to_do_.front();
      to_do_.pop_front();
      lock.unlock();
      const QueuedWriteResult result = perform(write);
      lock.lock();
      done_.push_back(result);
      changed_.notify_all();
    }
  }

  static QueuedWriteResult perform(const QueuedWrite& write) {
    for (;;) {
      const ssize_t written = ::pwrite(write.descriptor, write.bytes.data(), write.bytes.size(),
                                       static_cast<off_t>(write.offset));
      if (written >= 0) return {write.tag, written};
      if (errno != EINTR) return {write.tag, -errno};
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueuedWrite> to_do_;
  std::deque<QueuedWriteResult> done_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<WriteQueue> make_thread_writes(unsigned depth) {
  auto writes = std::make_unique<ThreadWrites>();
  if (!writes->start(depth)) return nullptr;
  return writes;
}

}  // namespace tapline

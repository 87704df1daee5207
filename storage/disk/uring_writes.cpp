#include <liburing.h>

#include <cerrno>

#include "capture/base/check.hpp"
#include "storage/disk/write_queue.hpp"

namespace tapline {
namespace {

class UringWrites : public WriteQueue {
 public:
  UringWrites() = default;
  UringWrites(const UringWrites&) = delete;
  UringWrites& operator=(const UringWrites&) = delete;
  ~UringWrites() override {
    if (open_) ::io_uring_queue_exit(&ring_);
  }

  bool open(unsigned depth) {
    open_ = ::io_uring_queue_init(depth, &ring_, 0) == 0;
    return open_;
  }

  bool begin(const QueuedWrite& write) override {
    if (waiting_) return false;
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) return false;
    ::io_uring_prep_write(entry, write.descriptor, write.bytes.data(),
                          static_cast<unsigned>(write.bytes.size()), write.offset);
    ::io_uring_sqe_set_data64(entry, write.tag);
    // An entry that the kernel would not take yet is in the ring, and goes with the wait for it.
    waiting_ = ::io_uring_submit(&ring_) < 1;
    return true;
  }

  QueuedWriteResult wait() override {
    io_uring_cqe* done = nullptr;
    int code = 0;
    do {
      if (waiting_) waiting_ = ::io_uring_submit(&ring_) < 1;
      code = ::io_uring_wait_cqe(&ring_, &done);
    } while (code == -EINTR || code == -EAGAIN);
    TAPLINE_CHECK(code == 0);  // all else is a misuse of the ring
    const QueuedWriteResult result{static_cast<std::uint32_t>(::io_uring_cqe_get_data64(done)), done->res};
    ::io_uring_cqe_seen(&ring_, done);
    return result;
  }

 private:
  io_uring ring_{};
  bool open_ = false;
  bool waiting_ = false;  // an entry has not been submitted
};

}  // namespace

std::unique_ptr<WriteQueue> make_uring_writes(unsigned depth) {
  auto writes = std::make_unique<UringWrites>();
  if (!writes->open(depth)) return nullptr;
  return writes;
}

std::unique_ptr<WriteQueue> make_write_queue(unsigned depth) {
  std::unique_ptr<WriteQueue> writes = make_uring_writes(depth);
  return writes != nullptr ? std::move(writes) : make_thread_writes(depth);
}

}  // namespace tapline

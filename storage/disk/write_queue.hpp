#pragma once
// WriteQueue: writes to one file that are under way while their caller goes on: by io_uring, or, where the
// kernel (or a container's policy) refuses that, by threads. One thread calls.

#include <cstdint>
#include <memory>

#include "capture/base/bytes.hpp"

namespace tapline {

/// One write: `bytes` stay where and as they are until it is done.
struct QueuedWrite {
  int descriptor = -1;
  std::uint64_t offset = 0;
  Bytes bytes;
  std::uint32_t tag = 0;  // comes back with the result
};

struct QueuedWriteResult {
  std::uint32_t tag = 0;
  std::int64_t bytes = 0;  // written; may be fewer than asked for. Below 0: -errno
};

class WriteQueue {
 public:
  /// Whatever is under way has been waited for.
  virtual ~WriteQueue() = default;
  /// At most `depth` are under way. False: it was not begun.
  virtual bool begin(const QueuedWrite& write) = 0;
  /// The next one that is done, in any order. Only while some are under way.
  virtual QueuedWriteResult wait() = 0;
};

/// Null where the kernel has no io_uring for us.
std::unique_ptr<WriteQueue> make_uring_writes(unsigned depth);
/// Null where not one thread can be started.
std::unique_ptr<WriteQueue> make_thread_writes(unsigned depth);
/// The first of these that there is; null: none.
std::unique_ptr<WriteQueue> make_write_queue(unsigned depth);

}  // namespace tapline

#pragma once
// SegmentSpace: who grants the disk space of a segment before it is opened, so that the disk cannot fill.

#include <cstdint>

#include "capture/base/result.hpp"
#include "storage/container_writer.hpp"

namespace tapline::storage {

class SegmentSpace {
 public:
  virtual ~SegmentSpace() = default;

  /// Makes room for a segment that will have at most `bytes`, its indexes included, or says why it cannot.
  virtual Status reserve(const SegmentId& id, std::uint64_t bytes) = 0;
  /// The segment is finished: from now on its files count.
  virtual void release(const SegmentId& id) = 0;
};

}  // namespace tapline::storage

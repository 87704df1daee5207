#pragma once
// SegmentSpace: who grants the disk space of a segment before it is opened, so that the disk cannot fill.

#include <cstdint>
#include <string>

#include "capture/base/result.hpp"
#include "storage/container_writer.hpp"

namespace tapline::storage {

class SegmentSpace {
 public:
  virtual ~SegmentSpace() = default;

  /// Makes room for a segment that will have at most `bytes`, its indexes included, and says in which
  /// directory; empty: the configured one. kLimit, kNoSpace, kIo say why it cannot.
  virtual Result<std::string> reserve(const SegmentId& id, std::uint64_t bytes) = 0;
  /// The segment is half full: room for another one of at most `bytes` will soon be asked for. Does not
  /// wait for the space that is given back last.
  virtual void prepare(const SegmentId& /*id*/, std::uint64_t /*bytes*/) {}
  /// The segment is finished as `path`; with its index it has `bytes`.
  virtual void publish(const SegmentId& id, const std::string& path, std::uint64_t bytes) = 0;
  /// It failed, and stays `.open`.
  virtual void give_up(const SegmentId& id, const Error& reason) = 0;
  /// Session records or the ledger have no room on the store's own disk: makes some. kNoSpace where it
  /// cannot.
  virtual Status yield_space() { return Error{ErrorCode::kNoSpace, "the disk is full"}; }
};

}  // namespace tapline::storage

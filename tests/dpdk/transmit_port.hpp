#pragma once
// TransmitPort: the sending end of a virtual device. Test code: the library sets up no transmit queue.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "capture/base/result.hpp"

struct rte_mbuf;
struct rte_mempool;

namespace tapline::test {

class TransmitPort {
 public:
  /// `device` as in DpdkPortConfig. An EAL runs.
  static Result<std::unique_ptr<TransmitPort>> open(const std::string& device);
  ~TransmitPort();
  TransmitPort(const TransmitPort&) = delete;
  TransmitPort& operator=(const TransmitPort&) = delete;

  /// The peer is there; waits up to 10 s.
  bool wait_for_link() const;
  bool has_link() const;
  /// Fills `mbufs` with empty buffers; false where the pool has not so many.
  bool allocate(std::span<rte_mbuf*> mbufs);
  /// How many of the front of `mbufs` the device took; the others stay the caller's.
  std::uint32_t send(std::span<rte_mbuf*> mbufs);

 private:
  TransmitPort() = default;
  Status set_up(const std::string& device);

  std::uint16_t id_ = 0;
  bool attached_ = false;
  rte_mempool* pool_ = nullptr;
};

}  // namespace tapline::test

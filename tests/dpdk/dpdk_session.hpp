#pragma once
// What every test with an EAL needs. One EAL a process: ctest runs each case in a process of its own, once
// with normal pages and once, by TAPLINE_DPDK_PAGES=huge, with huge ones.

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/dpdk/dpdk_source.hpp"
#include "tests/capture/frame_source_contract.hpp"
#include "tests/temporary_folder.hpp"

namespace tapline::test {

class DpdkSession {
 public:
  /// Nothing, after printing why, where these pages cannot be had here.
  static std::optional<DpdkSession> start();

  std::unique_ptr<FrameSource> open(const DpdkPortConfig& config) const;
  std::vector<std::unique_ptr<FrameSource>> open_all(const DpdkPortConfig& config) const;
  Error error_of(const DpdkPortConfig& config) const;
  const std::shared_ptr<DpdkRuntime>& runtime() const { return runtime_; }

 private:
  explicit DpdkSession(std::shared_ptr<DpdkRuntime> runtime) : runtime_(std::move(runtime)) {}
  std::shared_ptr<DpdkRuntime> runtime_;
};

/// Random contents, whole microseconds, whole frames; lengths from `bytes_min` to `bytes_max`.
std::vector<ContractFrame> whole_frames(std::size_t count, std::size_t bytes_min, std::size_t bytes_max);
/// A capture file of them, as the argument of net_pcap: "net_pcap0,rx_pcap=FILE".
std::string pcap_device(const TemporaryFolder& folder, std::span<const ContractFrame> frames);

/// Polls until `frames` came; fails where nothing comes for 10 s.
std::uint64_t poll_frames(FrameSource& source, std::uint64_t frames);
/// Polls until the end, how many frames came; fails after 10 s.
std::uint64_t poll_to_end(FrameSource& source);

}  // namespace tapline::test

#pragma once
// QueueSource: the FrameSource over one receive queue of a DpdkPort. Only for files of this folder.

#include <array>
#include <deque>
#include <memory>

#include "capture/dpdk/dpdk_port.hpp"
#include "capture/frame_source.hpp"

namespace tapline {

class QueueSource final : public FrameSource {
 public:
  QueueSource(std::shared_ptr<DpdkPort> port, std::uint16_t queue);
  ~QueueSource() override;

  Result<PollResult> poll(std::span<Frame> frames) override;
  const SourceCounters& counters() const override { return counters_; }
  SourceProgress progress() const override { return {}; }
  void wait(std::chrono::milliseconds at_most) override;
  bool read_device() override;
  void stop_receiving() override { stopping_ = true; }
  std::optional<SourceNotice> take_notice() override;

 private:
  void release_burst();
  bool receive_burst();
  void count(std::span<const Frame> frames);
  void finish();
  void notice_drops();
  void notice_link();

  std::shared_ptr<DpdkPort> port_;
  std::uint16_t queue_;
  MbufReader reader_;

  // A burst of the driver, handed out in one or more polls: some drivers give nothing where fewer than 4 or
  // 32 are asked for.
  std::array<rte_mbuf*, kBurstFramesMax> burst_{};
  std::uint32_t burst_frames_ = 0;
  std::uint32_t burst_handed_out_ = 0;
  TimeNs burst_clock_ns_ = 0;

  SourceCounters counters_;
  std::uint32_t empty_polls_ = 0;  // in a row
  std::uint32_t drained_frames_ = 0;
  bool stopping_ = false;
  bool ended_ = false;

  // Queue 0 speaks for the port.
  DeviceCounters device_;
  bool link_up_ = true;  // so that one that is down from the start is told, too
  bool told_missed_ = false;
  bool told_without_buffer_ = false;
  bool told_with_error_ = false;
  bool told_times_refused_ = false;
  std::deque<SourceNotice> notices_;
};

}  // namespace tapline

// frame_sender: sends frames on an interface, paced, past the queueing discipline: numbered frames of many
// flows, or those of a capture file. What a sensor receives of them, and what it misses, can be counted
// exactly. Prints one line of JSON when all is sent. Ends early, in order, on SIGTERM and SIGINT.

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <iostream>
#include <memory>
#include <thread>

#include "capture/files/file_source.hpp"
#include "tests/command_line.hpp"
#include "tests/live/numbered_frame.hpp"
#include "tests/live/send_pace.hpp"

namespace {

using namespace tapline;
using namespace tapline::test;

// At 50,000 frames a second a burst stands for 0.6 ms; longer ones overrun the receiving end's queue.
constexpr std::uint32_t kSendBurstMax = 32;
// Internet mix in four sizes; the mean is 600 bytes.
constexpr std::array<std::size_t, 4> kMixedFrameBytes{96, 200, 590, 1'514};
constexpr std::uint32_t kFlowsMax = 1U << 24;

volatile std::sig_atomic_t asked_to_stop = 0;

struct Options {
  std::string interface;
  SendPlan plan;
  std::uint32_t flows = 1;
  std::uint32_t first_flow = 0;
  std::uint64_t first_number = 0;
  std::size_t frame_bytes = 0;  // 0: mixed
  std::string replay;
};

Error system_error(const std::string& what) {
  return {ErrorCode::kIo, fmt::format("{}: {}", what, std::strerror(errno))};
}

class PacketSocket {
 public:
  static Result<std::unique_ptr<PacketSocket>> open(const std::string& interface) {
    std::unique_ptr<PacketSocket> made(new PacketSocket);
    made->fd_ = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (made->fd_ < 0) return system_error("packet socket");
    const int on = 1;
    if (::setsockopt(made->fd_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0)
      return system_error("PACKET_QDISC_BYPASS");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
    if (address.sll_ifindex == 0 ||
        ::bind(made->fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return system_error(interface);
    return made;
  }
  ~PacketSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  PacketSocket(const PacketSocket&) = delete;
  PacketSocket& operator=(const PacketSocket&) = delete;

  /// All of them, one after the other; where there is no buffer, again.
  Status send(std::span<const Bytes> frames) const {
    std::array<mmsghdr, kSendBurstMax> messages{};
    std::array<iovec, kSendBurstMax> pieces{};
    for (std::size_t i = 0; i < frames.size(); ++i) {
      pieces[i] = {const_cast<std::uint8_t*>(frames[i].data()), frames[i].size()};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (std::size_t sent = 0; sent < frames.size();) {
      const int taken = ::sendmmsg(fd_, &messages[sent], static_cast<unsigned>(frames.size() - sent), 0);
      if (taken < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
        return system_error(fmt::format("frame of {} bytes", frames[sent].size()));
      if (taken > 0) sent += static_cast<std::size_t>(taken);
    }
    return {};
  }

 private:
  PacketSocket() = default;

  int fd_ = -1;
};

/// The frames to send, by their number.
class FrameSupply {
 public:
  virtual ~FrameSupply() = default;
  /// Valid until the call with the same `place` (of a burst).
  virtual Bytes frame(std::uint64_t number, std::uint32_t place) = 0;
};

class NumberedFrames : public FrameSupply {
 public:
  explicit NumberedFrames(const Options& options) : options_(options), tcp_seqs_(options.flows) {
    const std::size_t sizes = options.frame_bytes == 0 ? kMixedFrameBytes.size() : 1;
    for (std::size_t size = 0; size < sizes; ++size) {
      const std::size_t bytes = options.frame_bytes == 0 ? kMixedFrameBytes[size] : options.frame_bytes;
      for (std::uint32_t flow = 0; flow < options.flows; ++flow)
        templates_.push_back(numbered_frame(options.first_flow + flow, bytes));
    }
  }

  Bytes frame(std::uint64_t number, std::uint32_t place) override {
    const std::uint64_t flow = number % options_.flows;
    const std::uint64_t sizes = templates_.size() / options_.flows;
    const std::uint64_t size = (number / options_.flows + flow) % sizes;  // each flow has frames of all sizes
    const std::vector<std::uint8_t>& made = templates_[size * options_.flows + flow];
    std::uint8_t* const out = burst_[place].data();
    std::memcpy(out, made.data(), made.size());
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    set_number(
        {out, made.size()}, options_.first_number + number, tcp_seqs_[flow],
        static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec));
    return {out, made.size()};
  }

 private:
  Options options_;
  std::vector<std::uint32_t> tcp_seqs_;  // by flow
  std::vector<std::vector<std::uint8_t>> templates_;
  std::array<std::array<std::uint8_t, kNumberedFrameBytesMax>, kSendBurstMax> burst_{};
};

class ReplayedFrames : public FrameSupply {
 public:
  /// Reads all of the capture: whole Ethernet frames only, others are left out and counted.
  static Result<std::unique_ptr<ReplayedFrames>> read(const std::string& path) {
    Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
    if (!source) return source.error();
    auto made = std::make_unique<ReplayedFrames>();
    std::array<Frame, kBurstFramesMax> frames;
    for (bool end = false; !end;) {
      const Result<PollResult> polled = (*source)->poll(frames);
      if (!polled) return polled.error();
      for (std::uint32_t i = 0; i < polled->frames; ++i) made->keep(frames[i]);
      end = polled->end;
    }
    return made;
  }

  Bytes frame(std::uint64_t number, std::uint32_t) override { return frames_[number % frames_.size()]; }
  std::uint64_t count() const { return frames_.size(); }
  std::uint64_t left_out() const { return left_out_; }

 private:
  void keep(const Frame& frame) {
    const bool sendable = frame.link_type == kLinkEthernet && frame.captured_bytes == frame.wire_bytes &&
                          frame.captured_bytes >= ETH_HLEN && frame.captured_bytes <= kNumberedFrameBytesMax;
    if (sendable) {
      frames_.emplace_back(frame.data, frame.data + frame.captured_bytes);
    } else {
      ++left_out_;
    }
  }

  std::vector<std::vector<std::uint8_t>> frames_;
  std::uint64_t left_out_ = 0;
};

/// Nothing, after printing why, where the arguments are no good.
std::optional<Options> parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description described("frame_sender: frames on an interface");
  const auto add = [&](const char* name, auto& value, const char* help) {
    described.add_options()(name, po::value(&value), help);
  };
  described.add_options()("help", "this");
  add("interface", options.interface, "where to");
  add("count", options.plan.frames, "frames");
  add("seconds", options.plan.seconds, "instead of --count");
  add("rate", options.plan.rate_frames_s, "frames a second; 0: as fast as possible");
  add("flows", options.flows, "five-tuples, taken in turn");
  add("first-flow", options.first_flow, "number of the first flow");
  add("first-number", options.first_number, "of the first frame");
  add("size", options.frame_bytes, "bytes a frame, 90 to 9014; default: mixed, 600 in the mean");
  add("replay", options.replay, "send the Ethernet frames of this capture file: once, or for --seconds");
  if (!parse_command_line(argc, argv, described)) return std::nullopt;
  const bool sized = options.frame_bytes == 0 || (options.frame_bytes >= kNumberedFrameBytesMin &&
                                                  options.frame_bytes <= kNumberedFrameBytesMax);
  const bool bounded = !options.replay.empty() || (options.plan.frames > 0) != (options.plan.seconds > 0);
  if (sized && bounded && options.flows >= 1 && options.flows <= kFlowsMax) return options;
  std::cerr << "frame_sender: --replay, --count or --seconds; --size 90 to 9014; --flows 1 to 16777216\n";
  return std::nullopt;
}

Status send_all(const PacketSocket& socket, FrameSupply& supply, const Options& options,
                std::uint64_t left_out) {
  const SendPace pace(options.plan);
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::array<Bytes, kSendBurstMax> burst;
  while (asked_to_stop == 0 && !pace.is_over(frames)) {
    const std::uint32_t due = pace.due_frames(frames, kSendBurstMax);
    if (due == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      continue;
    }
    for (std::uint32_t i = 0; i < due; ++i) {
      burst[i] = supply.frame(frames + i, i);
      bytes += burst[i].size();
    }
    TAPLINE_TRY(socket.send(std::span(burst).first(due)));
    frames += due;
  }
  fmt::print(
      "{{\"frames\": {}, \"bytes\": {}, \"first_number\": {}, \"last_number\": {}, \"left_out\": {}, "
      "\"seconds\": {:.6f}}}\n",
      frames, bytes, options.first_number, options.first_number + frames - (frames > 0 ? 1 : 0), left_out,
      pace.elapsed_s());
  return {};
}

Status run(Options options) {
  Result<std::unique_ptr<PacketSocket>> socket = PacketSocket::open(options.interface);
  if (!socket) return socket.error();
  if (options.replay.empty()) {
    NumberedFrames supply(options);
    return send_all(**socket, supply, options, 0);
  }
  Result<std::unique_ptr<ReplayedFrames>> supply = ReplayedFrames::read(options.replay);
  if (!supply) return supply.error();
  if ((*supply)->count() == 0) return Error{ErrorCode::kInvalid, "no Ethernet frames in " + options.replay};
  options.plan.frames = options.plan.seconds > 0 ? 0 : (*supply)->count();
  return send_all(**socket, **supply, options, (*supply)->left_out());
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) return 2;
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { asked_to_stop = 1; });
  const Status sent = run(*options);
  if (sent) return 0;
  std::cerr << "frame_sender: " << sent.error().context << "\n";
  return 1;
}

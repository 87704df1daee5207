// memif_generator: sends numbered frames through a memif socket, as a process of its own: what a sensor
// receives from it, and what it misses, can be counted exactly. Prints one line of JSON when all is sent,
// then stays until the peer leaves or until SIGTERM or SIGINT: what the ring holds is lost when either end
// goes.

#include <fmt/format.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <thread>
#include <vector>

#include "capture/dpdk/dpdk_source.hpp"
#include "tests/command_line.hpp"
#include "tests/dpdk/sequence_frame.hpp"
#include "tests/dpdk/transmit_port.hpp"
#include "tests/live/send_pace.hpp"

namespace {

using namespace tapline;
using namespace tapline::test;

struct Options {
  std::string socket;
  SendPlan plan;
  std::size_t frame_bytes = kSequenceFrameBytesMin;
  std::uint32_t flows = 1;
  unsigned ring_log2 = 10;
  bool lossless = false;
  bool hugepages = false;
};

struct Sent {
  std::uint64_t offered_frames = 0;  // the numbers 0 to offered_frames - 1 were used
  std::uint64_t sent_frames = 0;
  std::uint64_t refused_frames = 0;  // the ring was full
  double seconds = 0;
};

volatile std::sig_atomic_t asked_to_stop = 0;

class Generator {
 public:
  Generator(const Options& options, TransmitPort& port) : options_(options), port_(port) {
    for (std::uint32_t flow = 0; flow < options.flows; ++flow)
      templates_.push_back(sequence_frame(flow, options.frame_bytes));
  }

  Sent run() {
    const SendPace pace(options_.plan);
    while (asked_to_stop == 0 && port_.has_link() && !pace.is_over(sent_.offered_frames)) {
      const std::uint32_t due = pace.due_frames(sent_.offered_frames, kBurstFramesMax);
      if (due > 0) send_burst(due);
    }
    sent_.seconds = pace.elapsed_s();
    return sent_;
  }

 private:
  void send_burst(std::uint32_t count) {
    std::array<rte_mbuf*, kBurstFramesMax> burst;
    if (!port_.allocate(std::span(burst).first(count))) return;
    for (std::uint32_t i = 0; i < count; ++i) fill(*burst[i], sent_.offered_frames + i);
    sent_.offered_frames += count;
    std::uint32_t taken = port_.send(std::span(burst).first(count));
    while (taken < count && options_.lossless && asked_to_stop == 0 && port_.has_link())
      taken += port_.send(std::span(burst).subspan(taken, count - taken));
    sent_.sent_frames += taken;
    sent_.refused_frames += count - taken;
    if (taken < count) rte_pktmbuf_free_bulk(&burst[taken], count - taken);
  }

  void fill(rte_mbuf& mbuf, std::uint64_t number) const {
    const std::vector<std::uint8_t>& frame = templates_[number % templates_.size()];
    auto* out = rte_pktmbuf_mtod(&mbuf, std::uint8_t*);
    std::memcpy(out, frame.data(), frame.size());
    set_sequence(out, number);
    mbuf.data_len = static_cast<std::uint16_t>(frame.size());
    mbuf.pkt_len = mbuf.data_len;
  }

  Options options_;
  TransmitPort& port_;
  std::vector<std::vector<std::uint8_t>> templates_;
  Sent sent_;
};

/// Nothing, after printing why, where the arguments are no good.
std::optional<Options> parse(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description described("memif_generator: numbered UDP frames through a memif socket");
  described.add_options()("help", "this")("socket", po::value(&options.socket)->required(),
                                          "path; the peer is server")(
      "count", po::value(&options.plan.frames), "frames")("seconds", po::value(&options.plan.seconds),
                                                          "instead of --count")(
      "rate", po::value(&options.plan.rate_frames_s), "frames a second; 0: as fast as possible")(
      "size", po::value(&options.frame_bytes), "bytes a frame, 60 to 2048")(
      "flows", po::value(&options.flows), "five-tuples, taken in turn")(
      "ring", po::value(&options.ring_log2), "size of the ring, as a power of two")(
      "lossless", po::bool_switch(&options.lossless), "wait where the ring is full, else count")(
      "hugepages", po::bool_switch(&options.hugepages), "use huge pages");
  if (!parse_command_line(argc, argv, described)) return std::nullopt;
  const bool sized =
      options.frame_bytes >= kSequenceFrameBytesMin && options.frame_bytes <= kSequenceFrameBytesMax;
  if (sized && options.flows >= 1 && options.flows < 1U << 24 &&
      (options.plan.frames > 0) != (options.plan.seconds > 0))
    return options;
  std::cerr << "memif_generator: --count or --seconds, --size 60 to 2048, --flows 1 to 16777215\n";
  return std::nullopt;
}

Status generate(const Options& options) {
  Result<std::shared_ptr<DpdkRuntime>> runtime = DpdkRuntime::start(
      {.bytes = 64ULL << 20, .pages = options.hugepages ? DpdkPages::kHuge : DpdkPages::kNormal}, {});
  if (!runtime) return runtime.error();
  Result<std::unique_ptr<TransmitPort>> port = TransmitPort::open(fmt::format(
      "net_memif0,role=client,socket-abstract=no,socket={},rsize={}", options.socket, options.ring_log2));
  if (!port) return port.error();
  if (!(*port)->wait_for_link()) return Error{ErrorCode::kNotFound, options.socket + ": no peer within 10 s"};
  const Sent sent = Generator(options, **port).run();
  fmt::print("{{\"offered_frames\": {}, \"sent_frames\": {}, \"refused_frames\": {}, \"seconds\": {:.6f}}}\n",
             sent.offered_frames, sent.sent_frames, sent.refused_frames, sent.seconds);
  std::fflush(stdout);
  while (asked_to_stop == 0 && (*port)->has_link()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  // Without clean-up: the driver's own thread may be taking the connection apart just now (net_memif does not
  // lock).
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) return 2;
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { asked_to_stop = 1; });
  const Status generated = generate(*options);
  if (generated) return 0;
  std::cerr << "memif_generator: " << generated.error().context << "\n";
  return 1;
}

// Frames from another process through shared memory: a ring that a sender fills while it is read.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/dpdk/dpdk_session.hpp"
#include "tests/dpdk/sequence_frame.hpp"

using namespace tapline;
using namespace tapline::test;

namespace {

/// A memif_generator, killed in the end; what it prints is read by line().
class GeneratorProcess {
 public:
  GeneratorProcess(const std::string& socket, const std::vector<std::string>& options) {
    std::vector<std::string> arguments{TAPLINE_MEMIF_GENERATOR, "--socket", socket};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(pipe[1]);
    output_ = pipe[0];
  }
  ~GeneratorProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  GeneratorProcess(const GeneratorProcess&) = delete;
  GeneratorProcess& operator=(const GeneratorProcess&) = delete;

  /// Its line of JSON; blocks until it comes.
  std::string line() const {
    std::array<char, 512> text{};
    const ssize_t bytes = ::read(output_, text.data(), text.size());
    return bytes > 0 ? std::string(text.data(), static_cast<std::size_t>(bytes)) : std::string();
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

std::string server(const TemporaryFolder& folder) {
  return "net_memif0,role=server,socket-abstract=no,socket=" + folder / "memif.sock";
}

std::uint64_t number_in(const std::string& json, const std::string& name) {
  const std::size_t at = json.find('"' + name + "\": ");
  REQUIRE(at != std::string::npos);
  return std::strtoull(json.c_str() + at + name.size() + 4, nullptr, 10);
}

}  // namespace

TEST_CASE("net_memif keeps the contract", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  constexpr std::uint32_t kFlows = 7;
  std::vector<ContractFrame> frames(3'000);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].bytes = sequence_frame(static_cast<std::uint32_t>(i % kFlows), 300);
    frames[i].wire_bytes = 300;
    set_sequence(frames[i].bytes.data(), i);
  }
  std::unique_ptr<GeneratorProcess> generator;
  const OpenSource open = [&] {
    generator.reset();  // its peer is closed already
    std::unique_ptr<FrameSource> source = session->open({.device = server(folder)});
    generator = std::make_unique<GeneratorProcess>(
        folder / "memif.sock", std::vector<std::string>{"--count", "3000", "--size", "300", "--flows",
                                                        std::to_string(kFlows), "--lossless"});
    return source;
  };
  FrameSourceContract(open, frames, {.finite = false, .keeps_times = false}).check();
}

TEST_CASE("what a full ring refuses is the sender's loss, the rest arrives in order", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const GeneratorProcess generator(folder / "memif.sock", {"--count", "5000"});  // goes after its peer
  const std::unique_ptr<FrameSource> source = session->open({.device = server(folder)});
  const std::string sent = generator.line();  // nothing was read so far
  CHECK(number_in(sent, "offered_frames") == 5'000);
  CHECK(number_in(sent, "sent_frames") == 1'024);  // the ring
  CHECK(number_in(sent, "refused_frames") == 5'000 - 1'024);

  CHECK(source->read_device());
  source->stop_receiving();
  std::array<Frame, kBurstFramesMax> frames;
  std::uint64_t expected = 0;
  for (bool end = false; !end;) {
    const Result<PollResult> polled = source->poll(frames);
    REQUIRE(polled.ok());
    for (const Frame& frame : std::span(frames).first(polled->frames)) {
      if (sequence_of(frame.data) != expected)
        FAIL("frame " << sequence_of(frame.data) << ", not " << expected);
      ++expected;
    }
    end = polled->end;
  }
  CHECK(expected == 1'024);
  CHECK(source->counters().device_received_frames == 1'024);
  CHECK(source->counters().device_dropped_frames == 0);
}

TEST_CASE("a peer that leaves is told, and what was received stays counted", "[port]") {
  const std::optional<DpdkSession> session = DpdkSession::start();
  if (!session) return;
  const TemporaryFolder folder;
  const std::unique_ptr<FrameSource> source = session->open({.device = server(folder)});
  const auto wait_for = [&](const std::string& words) {
    for (int i = 0; i < 10'000; ++i) {
      CHECK(source->read_device());
      const std::optional<SourceNotice> notice = source->take_notice();
      if (notice && notice->text.find(words) != std::string::npos) return;
      ::usleep(1'000);
    }
    FAIL("no notice: " << words);
  };
  wait_for("link down");
  {
    const GeneratorProcess generator(folder / "memif.sock", {"--count", "100"});
    CHECK(poll_frames(*source, 100) == 100);
    wait_for("link up");
  }
  wait_for("link down");
  CHECK(source->counters().polled_frames == 100);
  CHECK(source->counters().device_received_frames == 100);
}

#include "flowgen/timer_wheel.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

namespace tapline::flowgen {
namespace {

constexpr TimeNs kTickNs = TimeNs{1} << TimerWheel::kTickShift;
constexpr TimeNs kRoundNs = kTickNs * TimerWheel::kSlots;

}  // namespace

TEST_CASE("flows come out within a tick after their time, never before, once") {
  const TimeNs start_ns = GENERATE(TimeNs{0}, -5 * kRoundNs - 7, 1'700'000'000 * kNsPerSecond);
  INFO("start " << start_ns << ", seed 9");
  std::mt19937_64 random(9);
  std::vector<FlowEntry> flows(200);
  TimerWheel wheel(flows.data());
  std::map<std::uint32_t, TimeNs> due;
  TimeNs now_ns = start_ns;
  bool after_jump = false;
  for (int step = 0; step < 20'000; ++step) {
    const auto flow = static_cast<std::uint32_t>(random() % flows.size());
    if (due.count(flow) != 0) {
      wheel.unlink(flow);
      due.erase(flow);
    } else {
      due[flow] = now_ns +
                  static_cast<TimeNs>(
                      random() % static_cast<std::uint64_t>(random() % 8 == 0 ? kRoundNs / 2 : kNsPerSecond));
      wheel.link(flow, due[flow], now_ns);
    }
    now_ns += static_cast<TimeNs>(random() % static_cast<std::uint64_t>(kTickNs / 2));
    // What is linked between a jump and the next pop() may have to come out too early.
    if (random() % 1000 == 0) {
      now_ns += 3 * kRoundNs;
      after_jump = true;
    }
    if (step % 3 != 0) continue;
    for (std::uint32_t out; (out = wheel.pop(now_ns)) != kNoFlow;) {
      REQUIRE(due.count(out) == 1);
      if (due[out] > now_ns) {
        REQUIRE(after_jump);
        wheel.link(out, due[out], now_ns);
      } else {
        due.erase(out);
      }
    }
    after_jump = false;
    REQUIRE(!wheel.is_due(now_ns));
    for (const auto& [left, due_ns] : due) REQUIRE(due_ns > now_ns - kTickNs);
  }
}

TEST_CASE("times beyond a round are asked after one, times passed at once") {
  std::vector<FlowEntry> flows(2);
  TimerWheel wheel(flows.data());
  wheel.link(0, 10 * kRoundNs, 0);
  CHECK(wheel.pop(kRoundNs - 2 * kTickNs) == kNoFlow);
  CHECK(wheel.pop(kRoundNs) == 0);
  wheel.link(0, 10 * kRoundNs, kRoundNs);
  wheel.link(1, 0, kRoundNs);
  CHECK(wheel.pop(kRoundNs) == 1);
  CHECK(wheel.pop(kRoundNs) == kNoFlow);
}

}  // namespace tapline::flowgen

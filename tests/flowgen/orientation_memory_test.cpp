// Who opened sessions that have ended: the memory by itself against a map, and through the table.

#include "flowgen/orientation_memory.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <vector>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

struct Known {
  Direction originator;
  TimeNs end_ns;
};

Direction any_direction(std::mt19937_64& random) {
  return static_cast<Direction>(random() % 2);
}

const Packet kClient = [] {
  Packet packet;
  packet.time_ns = kStart;
  packet.destination_port = 50'000;
  return packet;
}();

// A session that 10.0.0.1 opens, ended by RST, and over kClosed after its last frame at `end_ns`.
constexpr TimeNs kClosed = 5 * kSecond;
void add_session(Driver& driver, TimeNs end_ns) {
  driver.send(kClient.with_flags(kSyn, 1).at(end_ns));
  driver.send(kClient.with_flags(kSyn | kAck).reply().at(end_ns));
  driver.send(kClient.with_flags(kRst).at(end_ns));
}

// Of the sessions in the order of their ends: originator, rule, confidence.
using Orientations = std::vector<std::string>;
Orientations orientations(const Driver& driver) {
  Orientations all;
  for (const SessionRecord& record : driver.records) {
    if (!record.final()) continue;
    all.push_back(std::string(record.originator == Direction::kAToB ? "A " : "B ") +
                  orient_rule_name(record.orient_rule) + " " + std::to_string(record.orient_confidence));
  }
  return all;
}

}  // namespace

TEST_CASE("orientation memory against a map, while nothing has to make room") {
  const std::uint64_t seed = GENERATE(1, 2, 3);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  OrientationMemory memory = *OrientationMemory::create(1 << 16);
  std::vector<std::uint64_t> hashes(200);
  for (auto& hash : hashes) hash = random();
  std::map<std::uint64_t, Known> known;
  for (int step = 0; step < 500'000; ++step) {
    const std::uint64_t hash = hashes[random() % hashes.size()];
    const TimeNs time_ns = kStart + static_cast<TimeNs>(random() % 20'000) * kSecond;
    if (random() % 2 == 0) {
      known[hash] = {any_direction(random), time_ns};
      memory.remember(hash, known[hash].originator, time_ns);
      continue;
    }
    const auto at = known.find(hash);
    const bool remembered = at != known.end() && time_ns - at->second.end_ns <= 7200 * kSecond;
    const auto found = memory.find(hash, time_ns);
    REQUIRE(found.has_value() == remembered);
    if (found) REQUIRE(*found == at->second.originator);
  }
}

TEST_CASE("orientation memory of one set: the oldest makes room") {
  const std::uint64_t seed = GENERATE(4, 5);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  OrientationMemory memory = *OrientationMemory::create(1);
  CHECK(memory.memory_bytes() == 64);
  std::map<std::uint64_t, Known> known;  // at most four, by hash
  TimeNs time_ns = kStart;
  for (int step = 0; step < 100'000; ++step) {
    const std::uint64_t hash = random() % 8 << 2;
    time_ns += 1 + static_cast<TimeNs>(random() % 100) * kMs;  // no two the same
    if (known.count(hash) == 0 && known.size() == 4)
      known.erase(std::min_element(known.begin(), known.end(), [](const auto& a, const auto& b) {
        return a.second.end_ns < b.second.end_ns;
      }));
    known[hash] = {any_direction(random), time_ns};
    memory.remember(hash, known[hash].originator, time_ns);
    for (std::uint64_t other = 0; other < 8; ++other) {
      const auto found = memory.find(other << 2, time_ns);
      REQUIRE(found.has_value() == (known.count(other << 2) != 0));
      if (found) REQUIRE(*found == known[other << 2].originator);
    }
  }
}

TEST_CASE("a session seen from the middle on is opened by who opened the one before, for two hours") {
  const TimeNs wait_ns =
      GENERATE(6 * kSecond, kOrientationMemoryNs + kClosed, kOrientationMemoryNs + kClosed + 1);
  Driver driver;
  add_session(driver, kStart);
  driver.send(kClient.with_flags(kAck).reply().at(kStart + wait_ns));
  driver.finish();
  const bool remembered = wait_ns <= kOrientationMemoryNs + kClosed;
  CHECK(orientations(driver) ==
        Orientations{"A syn 100", remembered ? "A remembered 97" : "B first_packet 40"});
}

TEST_CASE("what a session shows itself outranks the memory, which is handed on") {
  Driver driver;
  add_session(driver, kStart);
  for (const TimeNs after_ns : {5400 * kSecond, 10'800 * kSecond})  // the second: by the one before it only
    driver.send(kClient.with_flags(kRst).reply().at(kStart + after_ns));
  driver.send(kClient.with_flags(kAck).at(kStart + 11'000 * kSecond));
  driver.send(kClient.with_flags(kSyn | kAck).at(kStart + 11'000 * kSecond));
  driver.finish();
  CHECK(orientations(driver) ==
        Orientations{"A syn 100", "A remembered 97", "A remembered 97", "B syn_ack 98"});
}

TEST_CASE("an unanswered SYN is not remembered; a guess is not either") {
  Driver driver;
  driver.send(kClient.with_flags(kSyn, 1));
  driver.send(kClient.with_flags(kAck).reply().at(kStart + 60 * kSecond));
  driver.send(kClient.with_flags(kAck).at(kStart + 2000 * kSecond));
  driver.finish();
  CHECK(orientations(driver) == Orientations{"A syn 100", "B first_packet 40", "A first_packet 40"});
}

TEST_CASE("the memory's size is constant, and part of the table's") {
  FlowTableConfig config = Driver::small_config();
  const std::size_t by_default = (*FlowTable::create(config))->memory_bytes();
  config.remembered_max = 2 * config.flows_max;
  Driver driver(config);
  CHECK(driver.table().memory_bytes() == by_default + std::size_t{config.flows_max} * 16);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    Packet packet = kClient;
    packet.source += i;
    packet.payload_bytes = 1;
    driver.add(packet.with_flags(kSyn).at(kStart + i * 10 * kMs));
  }
  driver.finish();
  CHECK(driver.table().memory_bytes() == by_default + std::size_t{config.flows_max} * 16);
}

}  // namespace tapline::flowgen

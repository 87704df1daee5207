// The signature of a first SYN waits in the other direction's line until the second frame comes.

#include "flowgen/first_segment.hpp"

#include <catch2/catch.hpp>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

const Packet kOpening = [] {
  Packet packet;
  packet.time_ns = kStart;
  packet.tcp_flags = kSyn;
  packet.tcp_seq = 7;
  packet.ttl = 61;
  packet.tcp_window = 29'200;
  return packet;
}();

Packet answer(int flags, TimeNs after_ns) {
  Packet packet = kOpening.reply().at(kStart + after_ns).with_flags(flags, 9);
  packet.tcp_ack = 8;
  packet.ttl = 120;
  return packet;
}

bool is_new(const AppendSlot& slot) {
  const AppendSlot fresh{};
  return std::memcmp(&slot, &fresh, sizeof slot) == 0;
}

constexpr const char* kOpeningText = "4:61+3:0:0:29200,0::id-:0";
constexpr const char* kAnswerText = "4:120+8:0:0:29200,0::id-:0";

}  // namespace

TEST_CASE("a session of one SYN, or of one SYN+ACK, tells its signature") {
  Driver driver;
  driver.send(kOpening);
  Packet other = answer(kSyn | kAck, 0);
  other.source_port = 81;
  driver.send(other);
  const auto& records = driver.finish();
  REQUIRE(records.size() == 2);
  for (const SessionRecord& record : records) {
    const bool of_syn = record.key.port_b == 80 || record.key.port_a == 80;
    CHECK(p0f_text(record.syn) == (of_syn ? kOpeningText : ""));
    CHECK(p0f_text(record.syn_ack) == (of_syn ? "" : kAnswerText));
  }
}

TEST_CASE("the first SYN and the first SYN+ACK count") {
  Driver driver;
  driver.send(kOpening);
  Packet again = kOpening.at(kStart + kMs);
  again.ttl = 30;
  driver.send(again);
  driver.send(answer(kSyn | kAck, 2 * kMs));
  Packet answered_again = answer(kSyn | kAck, 3 * kMs);
  answered_again.ttl = 31;
  driver.send(answered_again);
  const auto& records = driver.finish();
  REQUIRE(records.size() == 1);
  CHECK(p0f_text(records[0].syn) == kOpeningText);
  CHECK(p0f_text(records[0].syn_ack) == kAnswerText);
}

TEST_CASE("no trace of a waiting signature is in the line that the other side's first frame finds") {
  const bool same_burst = GENERATE(false, true);
  const std::uint32_t slabs = GENERATE(1u, 2u);
  CAPTURE(same_burst, slabs);
  FlowTableConfig config = Driver::small_config();
  config.tcp_slabs_max = slabs;
  Driver driver(config);
  if (slabs == 1) {  // taken by another session
    Packet other = kOpening;
    other.source_port = 1;
    driver.send(other);
    driver.send(other.reply().with_flags(kSyn | kAck));
  }
  driver.add(kOpening);
  if (!same_burst) driver.flush();
  driver.add(answer(kSyn | kAck, kMs));
  driver.flush();
  CHECK(is_new(*driver.hits().back().slot));
  for (const SessionRecord& record : driver.finish()) {
    if (record.key.port_a == 1 || record.key.port_b == 1) continue;
    CHECK(record.untracked == (slabs == 1));
    CHECK(p0f_text(record.syn) == (slabs == 1 ? "" : kOpeningText));
    CHECK(p0f_text(record.syn_ack) == (slabs == 1 ? "" : kAnswerText));
    CHECK(record.a_to_b.last_ns == kStart);
    CHECK(record.b_to_a.last_ns == kStart + kMs);
  }
}

TEST_CASE("a waiting signature is in interim records, too, and stays") {
  Driver driver;
  driver.send(kOpening);
  driver.idle_until(kStart + 4 * kSecond);
  REQUIRE(driver.records.size() == 1);
  CHECK_FALSE(driver.records[0].final());
  CHECK(p0f_text(driver.records[0].syn) == kOpeningText);
  driver.send(answer(kSyn | kAck, 5 * kSecond));
  const auto& records = driver.finish();
  CHECK(p0f_text(records.back().syn) == kOpeningText);
  CHECK(p0f_text(records.back().syn_ack) == kAnswerText);
}

}  // namespace tapline::flowgen

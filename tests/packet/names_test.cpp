#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline {

TEST_CASE("every enumerator has a name of its own, values from elsewhere are unknown") {
  std::set<std::string> statuses;
  for (unsigned i = 0; i < kDecodeStatusCount; ++i)
    statuses.insert(decode_status_name(static_cast<DecodeStatus>(i)));
  CHECK(statuses.size() == kDecodeStatusCount);
  CHECK(statuses.count("unknown") == 0);
  CHECK(statuses.count("ip") == 1);

  std::set<std::string> reasons;
  for (unsigned i = 0; i <= unsigned{static_cast<std::uint8_t>(EndReason::kRecovered)}; ++i)
    reasons.insert(end_reason_name(static_cast<EndReason>(i)));
  CHECK(reasons == std::set<std::string>{"open", "idle", "finished", "reset", "reused", "evicted", "shutdown",
                                         "recovered"});

  std::set<std::string> rules;
  for (int i = 0; i < kOrientRuleCount; ++i) rules.insert(orient_rule_name(static_cast<OrientRule>(i)));
  CHECK(rules == std::set<std::string>{"syn", "syn_ack", "icmp_type", "multicast", "port", "first_packet",
                                       "remembered", "application"});

  CHECK(std::string(decode_status_name(static_cast<DecodeStatus>(200))) == "unknown");
  CHECK(std::string(end_reason_name(static_cast<EndReason>(200))) == "unknown");
  CHECK(std::string(orient_rule_name(static_cast<OrientRule>(200))) == "unknown");
}

}  // namespace tapline

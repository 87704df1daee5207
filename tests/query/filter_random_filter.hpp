#pragma once
// Random filters, each as text and as plain closures over the truth: the naive model of the filter language.

#include <functional>
#include <string>

#include "tests/query/filter_random_packet.hpp"

namespace tapline::query::test {

/// Of sessions: what a frame's length would say is unknown.
enum class Answer : std::uint8_t { kNo, kUnknown, kYes };

struct RandomFilter {
  std::string text;
  bool has_session_words = false;
  std::function<bool(const PacketTruth&, const SessionRecord&)> packet;
  std::function<Answer(const SessionRecord&)> session;
};

RandomFilter make_random_filter(Random& random, int depth_max);

}  // namespace tapline::query::test

// Any text as a filter. What is refused must say where; what is accepted must keep its meaning through the
// canonical form, and its index query must find every packet that it matches. The packets and sessions are
// the same in each run.

#include <string_view>
#include <vector>

#include "capture/base/check.hpp"
#include "storage/query/filter.hpp"
#include "tests/query/filter_random_packet.hpp"

namespace {

using namespace tapline;
using namespace tapline::query;

constexpr std::size_t kSubjects = 24;

struct World {
  std::vector<test::RandomPacket> packets = std::vector<test::RandomPacket>(kSubjects);
  std::vector<std::vector<storage::IndexKey>> keys;
  std::vector<SessionRecord> sessions;

  World() {
    test::Random random(1);
    for (test::RandomPacket& packet : packets) {
      test::make_random_packet(random, packet);
      keys.push_back(test::index_keys_of(packet.frame, packet.meta));
      sessions.push_back(test::make_random_session(random));
    }
  }
};

void check_refusal(const Error& error) {
  TAPLINE_CHECK(error.code == ErrorCode::kInvalid || error.code == ErrorCode::kLimit);
  TAPLINE_CHECK(error.context.starts_with("filter: "));
  if (error.code == ErrorCode::kLimit) return;
  TAPLINE_CHECK(error.context.starts_with("filter: column "));
  TAPLINE_CHECK(error.context.ends_with("^"));
}

void check_meaning(const World& world, const Filter& filter, const Filter& again) {
  const IndexQuery query = filter.index_query();
  for (std::size_t i = 0; i < kSubjects; ++i) {
    const test::RandomPacket& packet = world.packets[i];
    const SessionRecord& session = world.sessions[i];
    const bool matches = filter.matches_packet(packet.frame, packet.meta, &session);
    TAPLINE_CHECK(matches == again.matches_packet(packet.frame, packet.meta, &session));
    TAPLINE_CHECK(!matches || test::is_true_for(query, world.keys[i]));
    TAPLINE_CHECK(filter.matches_session(session) == again.matches_session(session));
    if (filter.has_session_terms()) TAPLINE_CHECK(!filter.matches_packet(packet.frame, packet.meta, nullptr));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  static const FilterOptions options;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<Filter> filter = Filter::parse(text, options);
  if (!filter) {
    check_refusal(filter.error());
    return 0;
  }
  const Result<Filter> again = Filter::parse(filter->to_string(), options);
  TAPLINE_CHECK(again.ok());
  TAPLINE_CHECK(again->to_string() == filter->to_string());
  TAPLINE_CHECK(again->single_uid() == filter->single_uid());
  TAPLINE_CHECK(again->single_flow() == filter->single_flow());
  check_meaning(world, *filter, *again);
  return 0;
}

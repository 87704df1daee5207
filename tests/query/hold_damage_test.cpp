// Files of holds that were cut at any byte: refused, or as good as whole. Neither does a hold come into force
// that nobody asked for, nor goes one that was answered while its answer or its list is whole.

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/query/hold_world.hpp"

using namespace tapline;
using namespace tapline::query;
using namespace tapline::query::test;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

using Ids = std::set<std::uint64_t>;

/// A store with a request, that can be answered, and what it is like then.
struct CutWorld {
  HoldWorld world;
  HoldRequest request;
  Ids covered;

  CutWorld() {
    REQUIRE(world.record(8).ok());
    request = world.ask(host(3), {kStart, kStart + 3600 * kNsPerSecond});
    request.expires_at_ns = wall_ns + 1'234'567'890'123'456'789;
    REQUIRE(ask_hold(world.store, request).ok());
    covered = world.planned(host(3));
    REQUIRE(covered.size() > 1);
  }

  std::string asked(const char* suffix) const {
    return world.store.holds_directory() + "/" + format_segment_id(request.id) + suffix;
  }
  std::string answered(const char* suffix) const {
    return world.store.held_directory() + "/" + format_segment_id(request.id) + suffix;
  }
  /// Of the segments that there are.
  Ids held() {
    Ids held;
    for (const std::uint64_t id : world.segments()) {
      if (!world.held.claim(id)) held.insert(id);
      world.held.unclaim(id);
    }
    return held;
  }
};

std::string content(const std::string& path) {
  const std::vector<std::uint8_t> bytes = *read_file(path);
  return {bytes.begin(), bytes.end()};
}

void put(const std::string& path, std::string_view text) {
  REQUIRE(
      File::create(path)->write_all({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}).ok());
}

}  // namespace

TEST_CASE("a request that was cut at any byte is refused") {
  CutWorld cut;
  const std::string whole = content(cut.asked(".request"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    fs::remove(cut.answered(".hold"));
    put(cut.asked(".request"), whole.substr(0, bytes));
    cut.world.restart();
    REQUIRE(load_hold(cut.world.store, cut.request.id)->state == HoldState::kRefused);
    REQUIRE(cut.held().empty());
  }
}

TEST_CASE("a release that was cut at any byte releases nothing, but for its last reason") {
  CutWorld cut;
  cut.world.restart();
  REQUIRE(cut.held() == cut.covered);
  REQUIRE(ask_release(cut.world.store, cut.request.id, "tester", "done").ok());
  const std::string whole = content(cut.asked(".release"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    put(cut.asked(".release"), whole.substr(0, bytes));
    cut.world.restart();
    REQUIRE(load_hold(cut.world.store, cut.request.id)->state == HoldState::kHeld);
    REQUIRE(cut.held() == cut.covered);
  }
}

TEST_CASE("an answer that was cut at any byte is as good as its list") {
  CutWorld cut;
  cut.world.restart();
  const std::string whole = content(cut.answered(".hold"));
  const std::string list = content(cut.answered(".segments"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    put(cut.answered(".hold"), whole.substr(0, bytes));
    if (bytes % 2 == 0) REQUIRE(ask_hold(cut.world.store, cut.request).ok());  // came back with a power cut
    cut.world.restart();
    REQUIRE(cut.held() == cut.covered);
    REQUIRE(content(cut.answered(".segments")) == list);
  }
}

TEST_CASE("a list that was cut at any byte is made again from its hold") {
  CutWorld cut;
  cut.world.restart();
  const std::string whole = content(cut.answered(".segments"));
  REQUIRE(whole.size() == 17 * cut.covered.size());
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    put(cut.answered(".segments"), whole.substr(0, bytes));
    cut.world.restart();
    REQUIRE(cut.held() == cut.covered);
    cut.world.keeper->step();
    REQUIRE(content(cut.answered(".segments")) == whole);
  }
}

TEST_CASE("the record of a hold that has ended, cut at any byte, holds nothing") {
  CutWorld cut;
  cut.world.restart();
  cut.world.release(cut.request.id);
  const std::string whole = content(cut.answered(".hold"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CAPTURE(bytes);
    put(cut.answered(".hold"), whole.substr(0, bytes));
    cut.world.restart();
    REQUIRE(cut.held().empty());
  }
}

// The files of holds: what is written comes back, and what anybody may put into holds/ does no harm.

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "storage/hold_folder.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

struct HoldStore {
  TemporaryFolder folder;
  Store store = *Store::open_or_create(folder / "store", "s");

  std::string paper(const SegmentId& id, const std::string& suffix = ".request") const {
    return store.holds_directory() + "/" + format_segment_id(id) + suffix;
  }
};

HoldRequest sample_request() {
  HoldRequest request;
  request.id = make_segment_id();
  request.filter = "host 10.0.0.5 and tcp port 443";
  request.window = {-5, 1'000'000};
  request.reason = "case 7 = upload";
  request.owner = "anna";
  request.requested_at_ns = 17;
  request.expires_at_ns = 2'000'000;
  return request;
}

void check_same(const HoldRequest& a, const HoldRequest& b) {
  CHECK(a.id == b.id);
  CHECK(a.filter == b.filter);
  CHECK(a.window.since_ns == b.window.since_ns);
  CHECK(a.window.until_ns == b.window.until_ns);
  CHECK(a.reason == b.reason);
  CHECK(a.owner == b.owner);
  CHECK(a.requested_at_ns == b.requested_at_ns);
  CHECK(a.expires_at_ns == b.expires_at_ns);
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a request comes back as it was asked, with the user whose file it is") {
  const HoldStore world;
  HoldRequest request = sample_request();
  request.filter = "";  // everything
  request.window = {};
  REQUIRE(ask_hold(world.store, request).ok());
  const Result<HoldPapers> papers = list_papers(world.store);
  REQUIRE(papers.ok());
  REQUIRE(papers->requests == std::vector<SegmentId>{request.id});
  const Result<HoldRequest> read = load_request(world.store, request.id);
  REQUIRE(read.ok());
  check_same(*read, request);
  CHECK(read->user_id == ::geteuid());
  CHECK(list_requests(world.store)->size() == 1);
  remove_request(world.store, request.id);
  CHECK(list_requests(world.store)->empty());
}

TEST_CASE("an answer comes back with all it says, and its list") {
  const HoldStore world;
  Hold hold;
  hold.request = sample_request();
  hold.request.user_id = 1000;
  hold.answered_at_ns = 5;
  hold.segments = 2;
  hold.bytes = UINT64_MAX;
  hold.segments_over_quota = 3;
  hold.holes = {{-10, -5}, {7, 9}};
  REQUIRE(save_hold(world.store, hold, {1, UINT64_MAX}).ok());
  Result<Hold> read = load_hold(world.store, hold.request.id);
  REQUIRE(read.ok());
  check_same(read->request, hold.request);
  CHECK(read->request.user_id == 1000);
  CHECK(read->state == HoldState::kHeld);
  CHECK(read->bytes == UINT64_MAX);
  CHECK(read->segments_over_quota == 3);
  REQUIRE(read->holes.size() == 2);
  CHECK(read->holes[0].first_ns == -10);
  CHECK(read->holes[1].last_ns == 9);
  CHECK(*load_held_segments(world.store, hold.request.id) == std::vector<std::uint64_t>{1, UINT64_MAX});
  hold.state = HoldState::kReleased;
  hold.why = "released by anna";
  hold.ended_at_ns = 99;
  REQUIRE(save_ended_hold(world.store, hold).ok());
  read = load_hold(world.store, hold.request.id);
  REQUIRE(read.ok());
  CHECK(read->state == HoldState::kReleased);
  CHECK(read->why == hold.why);
  CHECK(load_held_segments(world.store, hold.request.id).error().code == ErrorCode::kNotFound);
}

TEST_CASE("papers that are no files of their own are refused without being read") {
  const HoldStore world;
  const SegmentId id = make_segment_id();
  const std::string secret = world.folder / "secret";
  write_text(secret, "root:topsecret:1\n");
  SECTION("a link") {
    fs::create_symlink(secret, world.paper(id));
    CHECK(load_request(world.store, id).error().code == ErrorCode::kIo);
  }
  SECTION("another name of a file") {
    fs::create_hard_link(secret, world.paper(id));
    CHECK(load_request(world.store, id).error().code == ErrorCode::kCorrupt);
  }
  SECTION("a pipe, which would never end") {
    REQUIRE(::mkfifo(world.paper(id).c_str(), 0600) == 0);
    CHECK(load_request(world.store, id).error().code == ErrorCode::kCorrupt);
  }
  SECTION("a folder") {
    fs::create_directory(world.paper(id));
    CHECK_FALSE(load_request(world.store, id).ok());
  }
  SECTION("too long") {
    write_text(world.paper(id), std::string(TextRecord::kBytesMax + 1, 'x'));
    CHECK(load_request(world.store, id).error().code == ErrorCode::kCorrupt);
  }
  SECTION("no request; nothing of it is repeated") {
    fs::copy_file(secret, world.paper(id));
    const Result<HoldRequest> read = load_request(world.store, id);
    REQUIRE(read.error().code == ErrorCode::kCorrupt);
    CHECK(read.error().context.find("topsecret") == std::string::npos);
  }
  CHECK(list_requests(world.store)->empty());
}

TEST_CASE("limits of a request are named") {
  const HoldStore world;
  const auto refusal = [&](const HoldRequest& request) {
    REQUIRE(ask_hold(world.store, request).ok());
    const Result<HoldRequest> read = load_request(world.store, request.id);
    REQUIRE_FALSE(read.ok());
    return read.error().context;
  };
  HoldRequest request = sample_request();
  request.filter = std::string(kHoldFilterBytesMax + 1, 'a');
  CHECK(refusal(request).find("filter") != std::string::npos);
  request = sample_request();
  request.owner = std::string(kHoldReasonBytesMax + 1, 'a');
  CHECK(refusal(request).find("owner") != std::string::npos);
  request = sample_request();
  request.window = {5, 5};
  CHECK(refusal(request).find("window") != std::string::npos);
  write_text(world.paper(request.id), "filter = tcp\nsince_ns = soon\n");
  CHECK(load_request(world.store, request.id).error().context.find("since_ns") != std::string::npos);
}

TEST_CASE("a folder that somebody has filled is no list, and takes no memory") {
  const HoldStore world;
  for (std::size_t i = 0; i <= kHoldFolderEntriesMax; ++i)
    write_text(world.store.holds_directory() + "/" + std::to_string(i), "");
  CHECK(list_papers(world.store).error().code == ErrorCode::kLimit);
}

TEST_CASE("lists of segments are lines of sixteen digits, or damaged") {
  CHECK(read_held_segments("")->empty());
  CHECK(*read_held_segments("00000000000000ff\n") == std::vector<std::uint64_t>{255});
  for (const char* text :
       {"00000000000000ff", "00000000000000fg\n", "0000000000000ff\n\n", "-0000000000000ff\n", "ff\n"})
    CHECK(read_held_segments(text).error().code == ErrorCode::kCorrupt);
  CHECK_FALSE(read_held_segments(std::string(17 * (kHoldSegmentsMax + 1), '0')).ok());
}

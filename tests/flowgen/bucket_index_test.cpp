// The index by itself: collisions, overflow over several buckets and round the end, against a map.

#include "flowgen/bucket_index.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

namespace tapline::flowgen {
namespace {

// Hashes of a few buckets and a few tags, as an attacker would like them.
std::uint64_t poor_hash(std::mt19937_64& random) {
  return (random() % 3) << 62 | random() % 4;
}

}  // namespace

TEST_CASE("the tag comparison equals its plain twin") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    Bucket bucket{};
    for (auto& tag : bucket.tags)
      tag = static_cast<std::uint16_t>(random() % 3 == 0 ? 0xffff : random() % 3 << 15);
    for (const int tag : {0, 0x8000, 0xffff, 1})
      REQUIRE(match_tags(bucket, static_cast<std::uint16_t>(tag)) ==
              match_tags_plain(bucket, static_cast<std::uint16_t>(tag)));
  }
}

TEST_CASE("a flow inserted is found, also in a table of one bucket") {
  BucketIndex index = *BucketIndex::create(1);
  index.insert(5, 77);
  CHECK(index.candidate(5) == 77);
  CHECK(index.find(5, [](std::uint32_t) { return true; }) == 77);
  CHECK(index.find(6, [](std::uint32_t) { return true; }) == kNoFlow);
  index.replace(5, 77, 78);
  CHECK(index.candidate(5) == 78);
  index.erase(5, 78);
  CHECK(index.candidate(5) == kNoFlow);
}

TEST_CASE("index against a map, with hashes that collide") {
  const std::uint32_t flows_max = GENERATE(8u, 40u, 300u);
  INFO("flows_max " << flows_max << ", seed 3");
  std::mt19937_64 random(3);
  BucketIndex index = *BucketIndex::create(flows_max);
  std::map<std::uint32_t, std::uint64_t> hashes;  // by flow
  for (int step = 0; step < 60'000; ++step) {
    const bool grow = random() % 100 < (step / 2000 % 2 == 0 ? 70u : 30u);  // fuller and emptier in turns
    const auto flow = static_cast<std::uint32_t>(random() % 5000);
    if (grow && hashes.size() < flows_max && hashes.count(flow) == 0) {
      hashes[flow] = poor_hash(random);
      index.insert(hashes[flow], flow);
    } else if (!hashes.empty()) {
      auto at = hashes.lower_bound(flow);
      if (at == hashes.end()) at = hashes.begin();
      if (random() % 4 == 0 && hashes.count(5000 + flow) == 0) {
        index.replace(at->second, at->first, 5000 + flow);
        hashes[5000 + flow] = at->second;
      } else {
        index.erase(at->second, at->first);
      }
      hashes.erase(at);
    }
    if (step % 16 != 0) continue;
    for (const auto& [present, hash] : hashes) {
      const std::uint32_t wanted = present;
      REQUIRE(index.find(hash, [wanted](std::uint32_t found) { return found == wanted; }) == wanted);
    }
    std::multiset<std::uint32_t> found;
    for (std::uint64_t top = 0; top < 3; ++top)
      for (std::uint64_t tag = 2; tag < 4; ++tag)  // 0 and 1 share a tag
        index.find(top << 62 | tag,
                   [&found](std::uint32_t flow_found) { return found.insert(flow_found), false; });
    for (const auto& [present, hash] : hashes)
      if ((hash & 3) >= 2) REQUIRE(found.count(present) >= 1);
    for (const std::uint32_t flow_found : found) REQUIRE(hashes.count(flow_found) == 1);
  }
  for (const auto& [flow, hash] : hashes) index.erase(hash, flow);
  int walked = 0;
  for (std::uint64_t top = 0; top < 3; ++top)
    index.find(top << 62, [&walked](std::uint32_t) { return ++walked, false; });
  CHECK(walked == 0);
}

}  // namespace tapline::flowgen

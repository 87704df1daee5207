#include "storage/file_names.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

TEST_CASE("golden file names") {
  SegmentId id{1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(id_high(id) == 0x0123456789abcdef);
  const FinalName name{1767225600000619000, 1767226792123456789, 0, 12, id_high(id)};
  CHECK(final_name(name, kPacketSuffix) ==
        "20260101T000000.000619000Z_20260101T001952.123456789Z_p0_w12_0123456789abcdef.pcap.zst");
  CHECK(open_name(id, kSessionSuffix) == "open-0123456789abcdef0102030405060708.sessions.open");
}

TEST_CASE("every name can be parsed back") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    FinalName name{static_cast<TimeNs>(random()), static_cast<TimeNs>(random()),
                   static_cast<std::uint16_t>(random()), static_cast<std::uint16_t>(random()),
                   random() >> (i % 64)};
    for (const auto suffix : {kPacketSuffix, kIndexSuffix, kSessionSuffix, kLedgerSuffix, kExpiredSuffix}) {
      const auto parsed = parse_final_name(final_name(name, suffix), suffix);
      REQUIRE(parsed.has_value());
      CHECK(parsed->first_ns == name.first_ns);
      CHECK(parsed->last_ns == name.last_ns);
      CHECK(parsed->port == name.port);
      CHECK(parsed->worker == name.worker);
      CHECK(parsed->id_high == name.id_high);
    }
  }
}

TEST_CASE("what is not quite a name is none") {
  const std::string good = final_name({1, 2, 3, 4, 5}, kPacketSuffix);
  REQUIRE(parse_final_name(good, kPacketSuffix).has_value());
  CHECK_FALSE(parse_final_name(good, kIndexSuffix).has_value());
  CHECK_FALSE(parse_final_name(good + ".tmp", kPacketSuffix).has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    CHECK_FALSE(parse_final_name(good.substr(0, i), kPacketSuffix).has_value());
    CHECK_FALSE(parse_final_name(good.substr(0, i) + good.substr(i + 1), kPacketSuffix).has_value());
    std::string changed = good;
    changed[i] = '#';
    CHECK_FALSE(parse_final_name(changed, kPacketSuffix).has_value());
  }
  CHECK_FALSE(parse_final_name("", kPacketSuffix).has_value());
}

TEST_CASE("open names are told from all others") {
  const std::string good = open_name(make_segment_id(), kPacketSuffix);
  CHECK(is_open_name(good, kPacketSuffix));
  CHECK_FALSE(is_open_name(good, kSessionSuffix));
  CHECK_FALSE(is_open_name(final_name({}, kPacketSuffix), kPacketSuffix));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = '#';
    CHECK_FALSE(is_open_name(changed, kPacketSuffix));
    CHECK_FALSE(is_open_name(good.substr(0, i), kPacketSuffix));
  }
}

TEST_CASE("the names in a directory are listed in order, and a directory that is not there is an error") {
  const TemporaryFolder folder;
  CHECK(list_names(folder.path())->empty());
  for (const char* name : {"c", "a", ".b"}) REQUIRE(publish_file(folder / name, {}));
  CHECK(*list_names(folder.path()) == std::vector<std::string>{".b", "a", "c"});
  const Result<std::vector<std::string>> missing = list_names(folder / "missing");
  REQUIRE_FALSE(missing.ok());
  CHECK_THAT(missing.error().context, Catch::Contains(folder / "missing"));
}

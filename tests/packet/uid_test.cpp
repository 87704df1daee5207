#include "capture/packet/uid.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace tapline {
namespace {

FlowKey sample_key() {
  FlowKey key;
  key.address_a = IpAddress::from_v4(0x0a000005);
  key.address_b = IpAddress::from_v4(0xcb007109);
  key.port_a = 51000;
  key.port_b = 443;
  key.ip_proto = 6;
  key.link = 3;
  return key;
}

constexpr TimeNs kFirstNs = 1'700'000'000'123'456'789;
constexpr OrderKey kFirstOrder = {kFirstNs, 7};

}  // namespace

TEST_CASE("a uid is frozen: the same flow has the same name in every version") {
  // On-disk names: if this fails, stores written before can no longer be asked by uid.
  CHECK(format_uid(make_uid(0x1122334455667788, sample_key(), kFirstNs, kFirstOrder)) ==
        "01HF7YAT3V7CNARJ40YBFRJEFF");
}

TEST_CASE("a uid depends on every part that names the flow") {
  std::set<std::string> texts;
  const auto add = [&](std::uint64_t sensor, const FlowKey& key, TimeNs first, OrderKey order) {
    texts.insert(format_uid(make_uid(sensor, key, first, order)));
  };
  const FlowKey base = sample_key();
  add(1, base, kFirstNs, kFirstOrder);
  add(2, base, kFirstNs, kFirstOrder);
  add(1, base, kFirstNs + kNsPerMillisecond, kFirstOrder);
  add(1, base, kFirstNs, {kFirstNs, 8});
  add(1, base, kFirstNs, {kFirstNs + 1, 7});
  FlowKey key = base;
  key.link = 4;
  add(1, key, kFirstNs, kFirstOrder);
  key = base;
  key.tunnel_id = 1;
  add(1, key, kFirstNs, kFirstOrder);
  key = base;
  key.flags = kKeyFragment;
  add(1, key, kFirstNs, kFirstOrder);
  key = base;
  key.ip_proto = 17;
  add(1, key, kFirstNs, kFirstOrder);
  key = base;
  key.port_b = 444;
  add(1, key, kFirstNs, kFirstOrder);
  key = base;
  key.address_b = IpAddress::from_v4(0xcb00710a);
  add(1, key, kFirstNs, kFirstOrder);
  CHECK(texts.size() == 11);
}

TEST_CASE("the millisecond survives, also before 1970 and where it is not whole") {
  const FlowKey key = sample_key();
  const auto millisecond = [&](TimeNs first) { return uid_millisecond(make_uid(1, key, first, {first, 0})); };
  CHECK(millisecond(kFirstNs) == 1'700'000'000'123);
  CHECK(millisecond(0) == 0);
  CHECK(millisecond(999'999) == 0);
  CHECK(millisecond(1'000'000) == 1);
  CHECK(millisecond(-1) == -1);
  CHECK(millisecond(-1'000'000) == -1);
  CHECK(millisecond(-1'000'001) == -2);
  CHECK(millisecond(INT64_MIN) == -9'223'372'036'855);
  CHECK(millisecond(INT64_MAX) == 9'223'372'036'854);
}

TEST_CASE("uids sort by time as text and as bytes") {
  const FlowKey key = sample_key();
  Uid previous = make_uid(1, key, 0, {0, 0});
  for (TimeNs first = 1; first < INT64_MAX / 32; first = first * 32) {
    const Uid uid = make_uid(1, key, first * kNsPerMillisecond, {first, 0});
    CHECK(previous < uid);
    CHECK(format_uid(previous) < format_uid(uid));
    previous = uid;
    if (first > INT64_MAX / kNsPerMillisecond / 32) break;
  }
}

TEST_CASE("uid text round-trips in either case and refuses what it did not write") {
  const Uid uid = make_uid(99, sample_key(), kFirstNs, kFirstOrder);
  std::string text = format_uid(uid);
  CHECK(parse_uid(text).value() == uid);
  std::string lower = text;
  for (char& c : lower) c = static_cast<char>(c >= 'A' ? c + ('a' - 'A') : c);
  CHECK(parse_uid(lower).value() == uid);

  Uid extreme;
  CHECK(format_uid(extreme) == "00000000000000000000000000");
  extreme.bytes.fill(0xff);
  CHECK(format_uid(extreme) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  CHECK(parse_uid("7zzzzzzzzzzzzzzzzzzzzzzzzz").value() == extreme);

  CHECK_FALSE(parse_uid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ").ok());  // 129 bits
  CHECK_FALSE(parse_uid("").ok());
  CHECK_FALSE(parse_uid(text + "0").ok());
  CHECK_FALSE(parse_uid(text.substr(1)).ok());
  for (const char bad : {'I', 'L', 'O', 'U', 'u', '-', ' ', '\xff', '\0'}) {
    std::string spoiled = text;
    spoiled[10] = bad;
    CHECK_FALSE(parse_uid(spoiled).ok());
  }
  CHECK(parse_uid("nonsense").error().code == ErrorCode::kInvalid);
  CHECK(parse_uid("nonsense").error().context.find("'nonsense'") != std::string::npos);
}

}  // namespace tapline

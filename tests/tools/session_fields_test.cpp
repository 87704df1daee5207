// Fields of a session and their text in each format.

#include "tools/session_fields.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "tests/tools/session_maker.hpp"

namespace tapline::tools {
namespace {

FieldValue value_of(const SessionRecord& session, std::string_view name, const FieldContext& context = {},
                    std::optional<bool> crosses_edge = std::nullopt) {
  const SessionField* field = find_session_field(name);
  INFO(name);
  REQUIRE(field != nullptr);
  const SessionRow row{&session, crosses_edge};
  return field->value(SessionView(row, context));
}

std::string json_of(const SessionRecord& session, std::string_view name) {
  const FieldValue value = value_of(session, name);
  TextBuffer buffer;
  if (!is_absent(value)) append_json(buffer, value);
  return fmt::to_string(buffer);
}

std::string quoted(const std::string& text) {
  return fmt::format("\"{}\"", text);
}

std::string cell_of(const FieldValue& value) {
  TextBuffer buffer;
  append_cell(buffer, value);
  return fmt::to_string(buffer);
}

}  // namespace

TEST_CASE("a session as JSON values") {
  const SessionRecord session = make_session();
  CHECK(json_of(session, "first") == "\"2026-01-01T00:00:00.000619000Z\"");
  CHECK(json_of(session, "duration") == "60.000000001");
  CHECK(json_of(session, "proto") == "\"tcp\"");
  CHECK(json_of(session, "orig_ip") == "\"10.0.0.5\"");
  CHECK(json_of(session, "orig_port") == "51000");
  CHECK(json_of(session, "resp_port") == "80");
  CHECK(json_of(session, "final") == "true");
  CHECK(json_of(session, "orig_tcp_flags") == "\"FSPA\"");
  CHECK(json_of(session, "resp_tcp_flags") == "\"SA\"");
  CHECK(json_of(session, "pcr") == "1.0000");
  CHECK(json_of(session, "vlans") == "[]");
  CHECK(json_of(session, "uid") == quoted(format_uid(session.uid)));
  CHECK(json_of(session, "community_id") == quoted(community_id(session.key, Direction::kAToB)));
  FieldContext seeded;
  seeded.community_id_seed = 7;
  CHECK(cell_of(value_of(session, "community_id", seeded)) == community_id(session.key, Direction::kAToB, 7));
  CHECK(json_of(session, "end_reason") == "\"finished\"");
}

TEST_CASE("signatures are shown as p0f shows them, and only where there are some") {
  SessionRecord session = make_session();
  CHECK(json_of(session, "syn_signature").empty());
  CHECK(json_of(session, "syn_ack_signature").empty());
  session.syn.tcp_header_bytes = session.syn_ack.tcp_header_bytes = 24;
  session.syn.options.append(OptionLayout::kMss);
  session.syn_ack.options.append(OptionLayout::kMss);
  session.syn.mss = 300;
  session.syn_ack.mss = 1000;
  session.syn.window = session.syn_ack.window = 900;
  session.syn.ttl = session.syn_ack.ttl = 60;
  CHECK(json_of(session, "syn_signature") == "\"4:60+4:0:300:mss*3,0:mss::0\"");
  CHECK(json_of(session, "syn_ack_signature") == "\"4:60+4:0:1000:mss*3,0:mss::0\"");  // of the SYN's MSS
}

TEST_CASE("orig and resp follow the originator") {
  SessionRecord session = make_session();
  session.originator = Direction::kBToA;
  CHECK(json_of(session, "orig_ip") == "\"203.0.113.9\"");
  CHECK(json_of(session, "orig_port") == "80");
  CHECK(json_of(session, "orig_packets") == "50");
  CHECK(json_of(session, "resp_payload_bytes") == "134600");
  CHECK(json_of(session, "orig_ttl_min") == "64");
  CHECK(json_of(session, "pcr") == "-1.0000");
  CHECK(json_of(session, "orig") == "\"203.0.113.9:80\"");
}

TEST_CASE("what has no meaning for a session is absent") {
  SessionRecord session = make_session();
  session.b_to_a.total = {};
  CHECK(json_of(session, "resp_ttl_min").empty());
  CHECK(json_of(session, "resp_tcp_flags").empty());
  CHECK(json_of(session, "resp_packets") == "0");
  session.key.ip_proto = 50;
  CHECK(json_of(session, "orig_port").empty());
  CHECK(json_of(session, "orig_tcp_flags").empty());
  CHECK(json_of(session, "orig") == "\"10.0.0.5\"");
  CHECK(json_of(session, "proto") == "\"esp\"");
  session.key.ip_proto = 17;
  session.key.flags = kKeyFragment;
  CHECK(json_of(session, "orig_port").empty());
  session.a_to_b.total.payload_bytes = 0;
  CHECK(json_of(session, "pcr").empty());
  CHECK(json_of(session, "mpls_label").empty());
}

TEST_CASE("unsigned numbers keep all 64 bits, times before 1970 survive") {
  SessionRecord session = make_session();
  session.a_to_b.total.ip_bytes = ~std::uint64_t{0};
  CHECK(json_of(session, "orig_ip_bytes") == "18446744073709551615");
  session.first_ns = -1;
  session.last_ns = std::numeric_limits<TimeNs>::max();
  CHECK(json_of(session, "first") == "\"1969-12-31T23:59:59.999999999Z\"");
  CHECK(json_of(session, "duration") == "9223372036.854775808");
}

TEST_CASE("VLAN ids of both directions, each once, outer first") {
  SessionRecord session = make_session();
  session.a_to_b.vlan_outer = 101;
  session.a_to_b.vlan_inner = 11;
  session.b_to_a.vlan_outer = 101;
  session.b_to_a.vlan_inner = 1;  // VLAN 0: a priority tag
  CHECK(json_of(session, "vlans") == "[100,10,0]");
  session.mpls_label = 1;
  CHECK(json_of(session, "mpls_label") == "0");
}

TEST_CASE("packets in the store are those seen less those that are not") {
  SessionRecord session = make_session();
  session.unstored_packets = 20;
  CHECK(json_of(session, "stored_packets") == "130");
  session.unstored_packets = 1000;
  CHECK(json_of(session, "stored_packets") == "0");
  CHECK(is_absent(value_of(session, "stored_packets", {}, true)));
  CHECK(std::get<bool>(value_of(session, "crosses_edge", {}, true)));
  CHECK(is_absent(value_of(session, "crosses_edge")));
}

TEST_CASE("egress and ingress are relative to the home networks") {
  const SessionRecord session = make_session();
  CHECK(value_of(session, "egress") == FieldValue(std::uint64_t{138'600}));
  CHECK(value_of(session, "ingress") == FieldValue(std::uint64_t{2'000}));
  const FieldContext elsewhere{{*query::parse_network("203.0.113.0/24")}};
  CHECK(value_of(session, "egress", elsewhere) == FieldValue(std::uint64_t{2'000}));
  const FieldContext nowhere{{*query::parse_network("192.0.2.0/24")}};
  CHECK(value_of(session, "egress", nowhere) == FieldValue(std::uint64_t{0}));
}

TEST_CASE("cells cut times, never round them up") {
  CHECK(cell_of(Moment{1'999'999}) == "1970-01-01T00:00:00.001Z");
  CHECK(cell_of(Moment{-1}) == "1969-12-31T23:59:59.999Z");
  CHECK(cell_of(Span{1'999'999'999}) == "1.999");
  CHECK(cell_of(Absent{}) == "-");
  SessionRecord session = make_session();
  session.key.address_a = *parse_address("2001:db8::1");
  session.key.flags = kKeyIpv6;
  CHECK(cell_of(value_of(session, "orig")) == "[2001:db8::1]:51000");
}

TEST_CASE("CSV quotes what RFC 4180 says it must") {
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "plain"},     {"", ""},           {"a,b", "\"a,b\""},
      {"a\"b", "\"a\"\"b\""}, {"\"", "\"\"\"\""}, {"a\nb", "\"a\nb\""},
      {"a\rb", "\"a\rb\""},   {" a b ", " a b "}, {"a;b", "a;b"}};
  for (const auto& [text, quoted] : cases) {
    TextBuffer buffer;
    append_csv(buffer, text);
    CHECK(fmt::to_string(buffer) == quoted);
  }
}

TEST_CASE("text in JSON is escaped") {
  TextBuffer buffer;
  append_json(buffer, std::string("a\"b\\c\n"));
  CHECK(fmt::to_string(buffer) == "\"a\\\"b\\\\c\\u000a\"");
}

TEST_CASE("field lists keep their order; errors name the field and what there is") {
  const Result<FieldList> fields = parse_fields("uid,orig_ip,uid", "--fields");
  REQUIRE(fields);
  REQUIRE(fields->size() == 3);
  CHECK((*fields)[0]->name == "uid");
  CHECK((*fields)[1]->name == "orig_ip");
  for (const char* wrong : {"", "uid,", ",uid", "uid,,seq", "UID", "bytes", "orig_"}) {
    INFO(wrong);
    const Result<FieldList> unknown = parse_fields(wrong, "--fields");
    REQUIRE(!unknown);
    CHECK(unknown.error().code == ErrorCode::kInvalid);
    CHECK(unknown.error().context.find("orig_payload_bytes") != std::string::npos);
  }
  CHECK(parse_fields("uid,lost_during", "--sort").error().context ==
        "--sort: 'lost_during' is not measured yet");
}

TEST_CASE("names of fields are unique, and every default list is made of them") {
  std::set<std::string_view> names;
  for (const SessionField& field : session_fields()) {
    CHECK(names.insert(field.name).second);
    CHECK((!field.help.empty() || field.name.starts_with("resp_")));
  }
  CHECK(default_fields(RowFormat::kJson) == default_fields(RowFormat::kCsv));
  CHECK(default_fields(RowFormat::kTable).back()->name == "uid");
}

}  // namespace tapline::tools

// What `tapline flows` understands and refuses.

#include "tools/flows_options.hpp"

#include <catch2/catch.hpp>

namespace tapline::tools {
namespace {

Result<FlowsOptions> options_of(const std::vector<std::string>& arguments, bool on_terminal = false) {
  CommandLine command_line = make_flows_command_line();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return parsed.error();
  REQUIRE(*parsed);
  return read_flows_options(command_line, on_terminal);
}

std::string refusal_of(const std::vector<std::string>& arguments) {
  const Result<FlowsOptions> options = options_of(arguments);
  REQUIRE(!options);
  CHECK(options.error().code == ErrorCode::kInvalid);
  return options.error().context;
}

}  // namespace

TEST_CASE("a Community ID's seed has sixteen bits") {
  CHECK(options_of({})->context.community_id_seed == 0);
  CHECK(options_of({"--community-id-seed", "65535"})->context.community_id_seed == 65'535);
  CHECK(refusal_of({"--community-id-seed", "65536"}) ==
        "--community-id-seed: '65536' is not a whole number from 0 to 65535");
}

TEST_CASE("a limit is set where people look, and only there") {
  CHECK(options_of({})->rows_max == 0);
  CHECK(options_of({}, true)->rows_max == 100);
  CHECK(!options_of({}, true)->rows_max_is_given);
  CHECK(options_of({"--limit", "0"}, true)->rows_max == 0);
  CHECK(options_of({"--limit", "7"})->rows_max == 7);
  CHECK(options_of({"--limit", "7"})->rows_max_is_given);
  CHECK(refusal_of({"--limit", "x"}) == "--limit: 'x' is not a whole number");
}

TEST_CASE("a field to sort by, - for descending") {
  const Result<FlowsOptions> options = options_of({"--sort", "-egress", "host", "10.0.0.5"});
  REQUIRE(options);
  CHECK(options->sort == "egress");
  CHECK(options->sort_descending);
  CHECK(options->question.filter.to_string() == "host 10.0.0.5");
  CHECK(!options_of({"--sort", "egress"})->sort_descending);
  CHECK(refusal_of({"--sort", "size"}).starts_with("--sort: 'size' is no field"));
  CHECK(refusal_of({"--sort", "-"}).starts_with("--sort: '' is no field"));
  CHECK(refusal_of({"--sort", "first,last"}).starts_with("--sort: one field"));
}

TEST_CASE("formats") {
  CHECK(options_of({})->format == RowFormat::kTable);
  CHECK(options_of({"--json"})->format == RowFormat::kJson);
  CHECK(options_of({"--csv", "--fields", "uid,seq"})->fields->size() == 2);
  CHECK(refusal_of({"--csv", "--json"}) == "--json and --csv cannot be used together");
  CHECK(refusal_of({"--history", "--in-window"}).find("cannot be used together") != std::string::npos);
  CHECK(refusal_of({"--history", "--group-by", "proto"}).find("together") != std::string::npos);
}

TEST_CASE("columns of groups are left to those who know them") {
  const Result<FlowsOptions> options =
      options_of({"--group-by", "orig_ip,proto", "--sort", "-sessions", "--fields", "orig_ip,sessions"});
  REQUIRE(options);
  CHECK(options->group_by->size() == 2);
  CHECK(options->sort == "sessions");
  CHECK(options->columns == "orig_ip,sessions");
  CHECK(refusal_of({"--group-by", "orig_ip,"}).starts_with("--group-by: ''"));
}

TEST_CASE("windows and home networks") {
  const Result<FlowsOptions> options =
      options_of({"--since", "2026-01-01", "--until", "2026-01-02", "--home-net", "192.0.2.0/24"});
  REQUIRE(options);
  CHECK(options->question.window.until_ns - options->question.window.since_ns == 86'400 * kNsPerSecond);
  CHECK(options->context.home_nets.size() == 1);
  CHECK(refusal_of({"--home-net", "x"}).starts_with("--home-net: "));
  CHECK(refusal_of({"--since", "2026-01-02", "--until", "2026-01-01"}).find("not before") !=
        std::string::npos);
}

TEST_CASE("help explains every field") {
  const std::string text = explain_fields();
  CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == session_fields().size());
  for (const SessionField& field : session_fields()) {
    CAPTURE(field.name);
    CHECK(("\n" + text).find("\n" + std::string(field.name) + "  ") != std::string::npos);
  }
}

}  // namespace tapline::tools

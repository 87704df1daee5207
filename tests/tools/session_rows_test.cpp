// Rows: written in three formats, sorted, grouped.

#include "tools/session_rows.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "tests/temporary_folder.hpp"
#include "tests/tools/session_maker.hpp"

namespace tapline::tools {
namespace {

struct Rows {
  std::vector<SessionRecord> records;
  std::vector<SessionRow> rows;

  explicit Rows(std::vector<SessionRecord> its_records) : records(std::move(its_records)) {
    for (const SessionRecord& record : records) rows.push_back({&record, std::nullopt});
  }
};

/// What `write` puts into a file.
template <class Write>
std::string written(Write write) {
  const TemporaryFolder folder;
  Result<File> file = File::create(folder / "output");
  REQUIRE(file);
  TextOutput output(std::move(*file));
  REQUIRE(write(output));
  const Result<std::vector<std::uint8_t>> bytes = read_file(folder / "output");
  REQUIRE(bytes);
  return {bytes->begin(), bytes->end()};
}

std::string text_of(const Rows& rows, RowFormat format, std::string_view list) {
  const FieldList fields = *parse_fields(list, "--fields");
  return written([&](TextOutput& output) {
    const auto writer = make_row_writer(format, columns_of(fields), output);
    return write_rows(rows.rows, fields, {}, *writer);
  });
}

std::vector<int> numbers_of(const std::vector<SessionRow>& rows) {
  std::vector<int> numbers;
  for (const SessionRow& row : rows) numbers.push_back(row.record->uid.bytes[15]);
  return numbers;
}

void sort_by(Rows& rows, std::string_view field, bool descending) {
  sort_rows(rows.rows, *find_session_field(field), descending, {});
}

}  // namespace

TEST_CASE("one JSON object a line, absent values left out") {
  Rows rows({make_session(1), make_session(2)});
  rows.records[1].key.ip_proto = 50;
  CHECK(text_of(rows, RowFormat::kJson, "proto,orig_port,seq") ==
        "{\"proto\":\"tcp\",\"orig_port\":51000,\"seq\":0}\n{\"proto\":\"esp\",\"seq\":0}\n");
  rows.records[0].key.ip_proto = 50;
  CHECK(text_of(rows, RowFormat::kJson, "orig_port,proto") == "{\"proto\":\"esp\"}\n{\"proto\":\"esp\"}\n");
  CHECK(text_of(rows, RowFormat::kJson, "orig_port") == "{}\n{}\n");
}

TEST_CASE("CSV has a header, lines end with CR LF, absent values are empty") {
  Rows rows({make_session(1)});
  rows.records[0].key.ip_proto = 50;
  rows.records[0].a_to_b.vlan_outer = 11;
  rows.records[0].a_to_b.vlan_inner = 21;
  CHECK(text_of(rows, RowFormat::kCsv, "proto,orig_port,vlans,final") ==
        "proto,orig_port,vlans,final\r\nesp,,10 20,true\r\n");
  CHECK(text_of(Rows({}), RowFormat::kCsv, "proto,uid") == "proto,uid\r\n");
}

TEST_CASE("columns of a table fit what is in them, numbers are set right") {
  Rows rows({make_session(1), make_session(2)});
  rows.records[1].a_to_b.total.packets = 123'456'789'012;
  rows.records[1].key.ip_proto = 50;
  CHECK(text_of(rows, RowFormat::kTable, "proto,orig_packets,resp_port,end_reason") ==
        "              orig_  resp_\n"
        "proto       packets   port  end_reason\n"
        "tcp             100     80  finished\n"
        "esp    123456789012      -  finished\n");
  CHECK(text_of(rows, RowFormat::kTable, "proto,seq") == "proto  seq\ntcp      0\nesp      0\n");
  CHECK(text_of(Rows({}), RowFormat::kTable, "proto,seq").empty());
}

TEST_CASE("output beyond one piece is complete") {
  Rows rows(std::vector<SessionRecord>(20'000, make_session(7)));
  const std::string text = text_of(rows, RowFormat::kJson, "uid,first");
  const std::string line = text.substr(0, text.find('\n') + 1);
  REQUIRE(line.size() > 50);
  CHECK(text.size() == 20'000 * line.size());
  CHECK(text.substr(text.size() - line.size()) == line);
}

TEST_CASE("a reader that went away is told from other errors") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  TextOutput output(File::adopt(ends[1], "a pipe"));
  output.buffer().push_back('x');
  CHECK(!output.flush());
  CHECK(output.broken_pipe());
  std::signal(SIGPIPE, before);

  TextOutput full(File::adopt(::open("/dev/full", O_WRONLY), "/dev/full"));
  full.buffer().push_back('x');
  CHECK(!full.flush());
  CHECK(!full.broken_pipe());
}

TEST_CASE("rows are sorted by what a field means, ties by uid both ways") {
  Rows rows({make_session(3), make_session(1), make_session(2), make_session(4)});
  rows.records[0].a_to_b.total.packets = 9;  // session 3
  rows.records[3].a_to_b.total.packets = 10;
  sort_by(rows, "orig_packets", false);
  CHECK(numbers_of(rows.rows) == std::vector<int>{3, 4, 1, 2});
  sort_by(rows, "orig_packets", true);
  CHECK(numbers_of(rows.rows) == std::vector<int>{1, 2, 4, 3});
  rows.records[1].key.address_a = IpAddress::from_v4(0x09ffffff);  // session 1: 9.255... comes before 10.0...
  sort_by(rows, "orig_ip", false);
  CHECK(numbers_of(rows.rows) == std::vector<int>{1, 2, 3, 4});
  rows.records[2].key.ip_proto = 50;  // session 2 has no ports
  sort_by(rows, "resp_port", false);
  CHECK(numbers_of(rows.rows) == std::vector<int>{2, 1, 3, 4});
  rows.records[2].seq = rows.records[3].seq = 1;
  rows.records[3].uid = rows.records[0].uid;
  sort_by(rows, "uid", true);
  CHECK(rows.rows.front().record->seq == 0);
  CHECK(rows.rows[1].record->seq == 1);
}

TEST_CASE("groups sum all of their sessions") {
  Rows rows({make_session(1), make_session(2), make_session(3)});
  rows.records[1].key.port_b = 443;
  rows.records[2].a_to_b.total = {1, 2, 3, 4};
  GroupTable table = group_rows(rows.rows, *parse_fields("proto,resp_port", "--group-by"), {});
  REQUIRE(table.rows.size() == 2);
  const std::size_t sessions = *find_column(table, "sessions", "--sort");
  const std::size_t port = *find_column(table, "resp_port", "--sort");
  const std::size_t payload = *find_column(table, "orig_payload_bytes", "--sort");
  const std::size_t egress = *find_column(table, "egress", "--sort");
  CHECK(table.rows[0][port] == FieldValue(std::uint64_t{80}));
  CHECK(table.rows[0][sessions] == FieldValue(std::uint64_t{2}));
  CHECK(table.rows[0][payload] == FieldValue(std::uint64_t{134'604}));
  CHECK(table.rows[0][egress] == FieldValue(std::uint64_t{138'603}));
  CHECK(table.rows[1][sessions] == FieldValue(std::uint64_t{1}));

  sort_groups(table, sessions, false);
  CHECK(table.rows[0][port] == FieldValue(std::uint64_t{443}));
  CHECK(!find_column(table, "uid", "--sort"));
  const std::vector<std::size_t> picked{sessions, port};
  select_columns(table, picked);
  const std::string text = written([&](TextOutput& output) {
    const auto writer = make_row_writer(RowFormat::kCsv, table.columns, output);
    return write_groups(table, 1, *writer);
  });
  CHECK(text == "sessions,resp_port\r\n1,443\r\n");
}

TEST_CASE("sessions without the field of a group form one of their own") {
  Rows rows({make_session(1), make_session(2), make_session(3)});
  rows.records[0].key.ip_proto = rows.records[2].key.ip_proto = 50;
  const GroupTable table = group_rows(rows.rows, *parse_fields("orig_port", "--group-by"), {});
  REQUIRE(table.rows.size() == 2);
  CHECK(is_absent(table.rows[0][0]));
  CHECK(table.rows[0][1] == FieldValue(std::uint64_t{2}));
}

}  // namespace tapline::tools

#include "tests/content/dns_samples.hpp"

#include <fmt/format.h>

namespace tapline::test {

DnsBuilder::DnsBuilder(std::uint16_t id, std::uint16_t flags, std::initializer_list<std::uint16_t> counts) {
  u16(id).u16(flags);
  for (const std::uint16_t count : counts) u16(count);
}

DnsBuilder& DnsBuilder::u8(unsigned value) {
  bytes_.push_back(static_cast<std::uint8_t>(value));
  return *this;
}

DnsBuilder& DnsBuilder::u16(unsigned value) {
  return u8(value >> 8).u8(value);
}

DnsBuilder& DnsBuilder::u32(std::uint32_t value) {
  return u16(value >> 16).u16(value);
}

DnsBuilder& DnsBuilder::raw(std::string_view bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

DnsBuilder& DnsBuilder::label(std::string_view bytes) {
  return u8(static_cast<unsigned>(bytes.size())).raw(bytes);
}

DnsBuilder& DnsBuilder::labels(std::string_view dotted) {
  while (!dotted.empty()) {
    const std::size_t dot = dotted.find('.');
    label(dotted.substr(0, dot));
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return *this;
}

DnsBuilder& DnsBuilder::name(std::string_view dotted) {
  return labels(dotted).u8(0);
}

DnsBuilder& DnsBuilder::pointer(std::size_t to) {
  return u16(static_cast<unsigned>(0xc000 | to));
}

DnsBuilder& DnsBuilder::question(unsigned type, unsigned dns_class) {
  return u16(type).u16(dns_class);
}

DnsBuilder& DnsBuilder::record(unsigned type, std::uint32_t ttl, std::size_t data_bytes, unsigned dns_class) {
  return u16(type).u16(dns_class).u32(ttl).u16(static_cast<unsigned>(data_bytes));
}

namespace {

std::string answer_text(const DnsMessage& message, const DnsAnswer& answer) {
  std::string text = fmt::format(" [{} {}", dns_type_name(answer.type), answer.ttl_s);
  if (answer.has_address) {
    text += ' ';
    for (const std::uint8_t byte : answer.address) text += fmt::format("{:02x}", byte);
  }
  if (answer.text.bytes > 0) text += fmt::format(" {}", message.text(answer.text));
  return text + "]";
}

}  // namespace

std::string dns_text(const DnsMessage& message) {
  std::string text = fmt::format("{:04x} {} {} {}", message.id, message.is_response ? "response" : "query",
                                 message.opcode, dns_rcode_name(message.rcode));
  if (message.aa) text += " aa";
  if (message.tc) text += " tc";
  if (message.rd) text += " rd";
  if (message.ra) text += " ra";
  text += fmt::format(" {}/{}/{}/{}", message.question_count, message.answer_count, message.authority_count,
                      message.additional_count);
  if (message.has_question)
    text += fmt::format(" {} {} {}", message.text(message.question_name),
                        dns_type_name(message.question_type), message.question_class);
  for (std::size_t i = 0; i < message.answers_kept; ++i) text += answer_text(message, message.answers[i]);
  if (message.answers_left_out > 0) text += fmt::format(" +{}", message.answers_left_out);
  if (message.has_edns) text += fmt::format(" edns {}", message.edns_udp_bytes);
  return text + fmt::format(" {} bytes", message.message_bytes);
}

namespace {

constexpr DnsStatus kComplete = DnsStatus::kComplete;
constexpr DnsStatus kNotDns = DnsStatus::kNotDns;
constexpr std::size_t kName = 12;  // where the first name lies

DnsBuilder query(std::uint16_t additional = 0) {
  return DnsBuilder(0x1234, 0x0100, {1, 0, 0, additional});
}

DnsBuilder response(std::uint16_t answers, std::uint16_t flags = 0x8180) {
  return DnsBuilder(0x1234, flags, {1, answers, 0, 0});
}

// One answer to a question for x.y, with 4 bytes of data more or less.
DnsBuilder answered(unsigned type, std::size_t data_bytes) {
  return response(1).name("x.y").question(type).pointer(kName).record(type, 60, data_bytes);
}

void add_addresses(std::vector<DnsSample>& samples) {
  samples.push_back({"query", query().name("www.Example.com").question(28).bytes(), kComplete,
                     "1234 query 0 NOERROR rd 1/0/0/0 www.Example.com AAAA 1 33 bytes"});
  samples.push_back({"addresses",
                     response(3)
                         .name("www.example.com")
                         .question(1)
                         .pointer(kName)
                         .record(5, 300, 6)
                         .label("web")
                         .pointer(kName + 4)
                         .pointer(45)
                         .record(1, 60, 4)
                         .raw({"\xc0\x00\x02\x01", 4})
                         .pointer(45)
                         .record(28, 0xffffffff, 16)
                         .raw({"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16})
                         .bytes(),
                     kComplete,
                     "1234 response 0 NOERROR rd ra 1/3/0/0 www.example.com A 1 [CNAME 300 web.example.com] "
                     "[A 60 00000000000000000000ffffc0000201] "
                     "[AAAA 4294967295 20010db8000000000000000000000001] 95 bytes"});
}

void add_other_data(std::vector<DnsSample>& samples) {
  samples.push_back({"mx_ns_ptr_srv_dname",
                     response(5, 0x8500)
                         .name("b.c")
                         .question(255)
                         .pointer(kName)
                         .record(15, 1, 4)
                         .u16(10)
                         .pointer(kName)
                         .pointer(kName)
                         .record(2, 2, 5)
                         .name("n.s")
                         .pointer(kName)
                         .record(12, 3, 1)
                         .u8(0)
                         .pointer(kName)
                         .record(33, 4, 10)
                         .raw("......")
                         .label("s")
                         .pointer(kName)
                         .pointer(kName)
                         .record(39, 5, 2)
                         .pointer(kName + 2)
                         .bytes(),
                     kComplete,
                     "1234 response 0 NOERROR aa rd 1/5/0/0 b.c ANY 1 [MX 1 b.c] [NS 2 n.s] [PTR 3 .] "
                     "[SRV 4 s.b.c] [DNAME 5 c] 103 bytes"});
  samples.push_back(
      {"texts",
       response(3)
           .name("t")
           .question(16)
           .pointer(kName)
           .record(16, 9, 11)
           .label("a. \\\x7f\xc3")
           .label("bcd")
           .pointer(kName)
           .record(16, 9, 1)
           .u8(0)
           .pointer(kName)
           .record(6, 9, 3)
           .raw("any")
           .bytes(),
       kComplete,
       "1234 response 0 NOERROR rd ra 1/3/0/0 t TXT 1 [TXT 9 a. \\092\\127\\195] [TXT 9] [SOA 9] "
       "70 bytes"});
  samples.push_back({"escapes", query().label("a.b").label("\\ \xff\n").label("!~").u8(0).question(1).bytes(),
                     kComplete,
                     "1234 query 0 NOERROR rd 1/0/0/0 a\\046b.\\092\\032\\255\\010.!~ A 1 29 bytes"});
}

void add_edns(std::vector<DnsSample>& samples) {
  samples.push_back({"edns", query(1).name("e").question(2).u8(0).record(41, 0x00008000, 0, 1232).bytes(),
                     kComplete, "1234 query 0 NOERROR rd 1/0/0/1 e NS 1 edns 1232 30 bytes"});
  samples.push_back({"extended_rcode",
                     DnsBuilder(1, 0x8000, {1, 0, 1, 2})
                         .name("e")
                         .question(2)
                         .pointer(kName)
                         .record(41, 0xff000000, 0, 1)  // not among the additional records: no EDNS
                         .u8(0)
                         .record(41, 0x01000000, 4, 512)
                         .u32(0)
                         .u8(0)
                         .record(41, 0xff000000, 0, 2)
                         .bytes(),
                     kComplete, "0001 response 0 BADVERS 1/0/1/2 e NS 1 edns 512 57 bytes"});
}

void add_relatives(std::vector<DnsSample>& samples) {
  samples.push_back({"mdns",
                     DnsBuilder(0, 0x8400, {0, 1, 0, 0})
                         .name("_ipp._tcp.local")
                         .record(12, 4500, 10, 0x8001)
                         .label("printer")
                         .pointer(kName)
                         .bytes(),
                     kComplete,
                     "0000 response 0 NOERROR aa 0/1/0/0 [PTR 4500 printer._ipp._tcp.local] 49 bytes"});
  samples.push_back({"update",
                     DnsBuilder(7, 0x2800, {1, 2, 0, 0})
                         .name("z")
                         .question(6)
                         .pointer(kName)
                         .record(1, 0, 0, 255)
                         .pointer(kName)
                         .record(255, 0, 0, 254)
                         .bytes(),
                     kComplete, "0007 query 5 NOERROR 1/2/0/0 z SOA 1 [A 0] [ANY 0] 43 bytes"});
  samples.push_back({"header_alone", DnsBuilder(9, 0x8001, {0, 0, 0, 0}).bytes(), kComplete,
                     "0009 response 0 FORMERR 0/0/0/0 12 bytes"});
  samples.push_back({"bytes_behind", query().name("").question(1).raw("padding").bytes(), kComplete,
                     "1234 query 0 NOERROR rd 1/0/0/0 . A 1 17 bytes"});
  samples.push_back({"two_questions",
                     DnsBuilder(1, 0, {2, 0, 0, 0}).name("p").question(1).name("q").question(2).bytes(),
                     kComplete, "0001 query 0 NOERROR 2/0/0/0 p A 1 26 bytes"});
}

void add_bad_names(std::vector<DnsSample>& samples) {
  const std::string header = "1234 query 0 NOERROR rd 1/0/0/0 12 bytes";
  samples.push_back({"pointer_to_itself", query().pointer(kName).question(1).bytes(), kNotDns, header});
  samples.push_back({"pointer_forwards", query().pointer(14).name("a").question(1).bytes(), kNotDns, header});
  samples.push_back({"pointer_into_header", query().pointer(11).question(1).bytes(), kNotDns, header});
  samples.push_back(
      {"pointer_into_own_labels", query().label("a").pointer(kName).question(1).bytes(), kNotDns, header});
  samples.push_back({"extended_label", query().raw("\x41x").u8(0).question(1).bytes(), kNotDns, header});
  samples.push_back({"reserved_label", query().raw("\x80x").u8(0).question(1).bytes(), kNotDns, header});
  const std::string label(63, 'l');
  samples.push_back(
      {"name_too_long",
       query().label(label).label(label).label(label).label(label.substr(1)).u8(0).question(1).bytes(),
       kNotDns, header});
  samples.push_back(
      {"name_longest",
       query().label(label).label(label).label(label).label(label.substr(2)).u8(0).question(1).bytes(),
       kComplete,
       "1234 query 0 NOERROR rd 1/0/0/0 " + label + "." + label + "." + label + "." + label.substr(2) +
           " A 1 271 bytes"});
}

void add_bad_records(std::vector<DnsSample>& samples) {
  const auto header = [](const char* type) {
    return fmt::format("1234 response 0 NOERROR rd ra 1/1/0/0 x.y {} 1 21 bytes", type);
  };
  samples.push_back({"a_of_five", answered(1, 5).raw("12345").bytes(), kNotDns, header("A")});
  samples.push_back({"aaaa_of_four", answered(28, 4).raw("1234").bytes(), kNotDns, header("AAAA")});
  samples.push_back({"mx_of_one", answered(15, 1).raw("1").bytes(), kNotDns, header("MX")});
  samples.push_back({"name_past_data", answered(5, 2).name("long").bytes(), kNotDns, header("CNAME")});
  samples.push_back({"name_short_of_data", answered(5, 4).name("a").u8(0).bytes(), kNotDns, header("CNAME")});
  samples.push_back(
      {"data_pointing_to_itself", answered(5, 2).pointer(33).bytes(), kNotDns, header("CNAME")});
  samples.push_back({"string_past_data", answered(16, 2).u8(2).raw("ab").bytes(), kNotDns, header("TXT")});
  samples.push_back({"too_many", DnsBuilder(0x1234, 0, {13000, 140, 0, 0}).name("a").question(1).bytes(),
                     kNotDns, "1234 query 0 NOERROR 13000/140/0/0 12 bytes"});
}

std::vector<DnsSample> make_samples() {
  std::vector<DnsSample> samples;
  add_addresses(samples);
  add_other_data(samples);
  add_edns(samples);
  add_relatives(samples);
  add_bad_names(samples);
  add_bad_records(samples);
  return samples;
}

}  // namespace

const std::vector<DnsSample>& dns_samples() {
  static const std::vector<DnsSample> samples = make_samples();
  return samples;
}

}  // namespace tapline::test

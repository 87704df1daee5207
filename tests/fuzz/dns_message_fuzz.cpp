// dns_message: a message of any bytes, and each beginning of it up to 64 bytes and at its middle, which must
// not say anything else.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/content/dns_invariants.hpp"
#include "tests/content/exact_bytes.hpp"

namespace {

using namespace tapline;

void require(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "dns_message_fuzz: %s\n", broken.c_str());
  std::abort();
}

void check_beginning(Bytes bytes, DnsStatus whole_status, const DnsMessage& whole) {
  const test::ExactBytes exact(bytes);
  DnsMessage part;
  const DnsStatus status = parse_dns_message(exact.bytes(), part);
  require(test::broken_dns_invariant(exact.bytes(), status, part));
  require(test::broken_dns_prefix(part, whole));
  if (status == DnsStatus::kNotDns && whole_status != DnsStatus::kNotDns)
    require("contradicts itself, then not");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const test::ExactBytes exact(Bytes(data, size));
  DnsMessage message;
  const DnsStatus status = parse_dns_message(exact.bytes(), message);
  require(test::broken_dns_invariant(exact.bytes(), status, message));
  for (std::size_t count = 0; count < size && count < 64; ++count)
    check_beginning(exact.bytes().first(count), status, message);
  check_beginning(exact.bytes().first(size / 2), status, message);
  if (size > 0) check_beginning(exact.bytes().first(size - 1), status, message);
  for (std::size_t i = 0; i < message.answers_kept; ++i) dns_type_name(message.answers[i].type);
  dns_rcode_name(message.rcode);
  return 0;
}

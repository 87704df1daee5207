#pragma once
// DNS messages made for tests and fuzz seeds, and what is to be read from them.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "capture/content/dns_message.hpp"

namespace tapline::test {

using DnsBytes = std::vector<std::uint8_t>;

/// Bytes as they will lie in the message; nothing is compressed but where the caller says so.
class DnsBuilder {
 public:
  DnsBuilder(std::uint16_t id, std::uint16_t flags, std::initializer_list<std::uint16_t> counts);

  DnsBuilder& u8(unsigned value);
  DnsBuilder& u16(unsigned value);
  DnsBuilder& u32(std::uint32_t value);
  DnsBuilder& raw(std::string_view bytes);
  DnsBuilder& label(std::string_view bytes);
  DnsBuilder& labels(std::string_view dotted);  // without the root
  DnsBuilder& name(std::string_view dotted);    // with it
  DnsBuilder& pointer(std::size_t to);
  /// What follows a name in a question.
  DnsBuilder& question(unsigned type, unsigned dns_class = 1);
  /// What follows a name in a record, up to its data.
  DnsBuilder& record(unsigned type, std::uint32_t ttl, std::size_t data_bytes, unsigned dns_class = 1);

  std::size_t size() const { return bytes_.size(); }
  const DnsBytes& bytes() const { return bytes_; }

 private:
  DnsBytes bytes_;
};

struct DnsSample {
  std::string name;
  DnsBytes bytes;
  DnsStatus status;
  std::string text;  // dns_text()
};

const std::vector<DnsSample>& dns_samples();

/// All that was read, in one line.
std::string dns_text(const DnsMessage& message);

}  // namespace tapline::test

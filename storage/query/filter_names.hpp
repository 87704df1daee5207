#pragma once
// Names that a filter may use for numbers: IP protocols, services, ethertypes. Fixed tables and no
// getservbyname(): the same question must mean the same on every machine.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tapline::query {

/// Decimal or 0x hexadecimal, the whole text, at most `largest`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t largest);

/// ASCII only: keywords and names are matched in lower case.
std::string lower_case(std::string_view text);

/// Name or number 0..255.
std::optional<std::uint8_t> parse_ip_proto(std::string_view text);
/// "tcp", or the number in decimal.
std::string ip_proto_text(std::uint8_t ip_proto);
/// May the name stand alone, as `tcp` and `esp` do in tcpdump?
bool is_proto_word(std::string_view text);

/// Name or number 0..65535.
std::optional<std::uint16_t> parse_port(std::string_view text);

/// Name (arp, ip, ip6, ...) or number 0x0600..0xffff.
std::optional<std::uint16_t> parse_ethertype(std::string_view text);

}  // namespace tapline::query

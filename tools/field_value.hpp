#pragma once
// FieldValue: what one field of one row says, and its text in each output format. Values of one field compare
// as their meaning does, so that rows can be sorted by any field; absent ones come first.

#include <fmt/format.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>

#include "capture/base/time.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/uid.hpp"

namespace tapline::tools {

struct Absent {  // not measured, or without meaning for this session
  friend auto operator<=>(const Absent&, const Absent&) = default;
};
struct Moment {
  TimeNs time_ns = 0;
  friend auto operator<=>(const Moment&, const Moment&) = default;
};
struct Span {
  std::uint64_t ns = 0;
  friend auto operator<=>(const Span&, const Span&) = default;
};
struct TcpFlags {
  std::uint8_t bits = 0;
  friend auto operator<=>(const TcpFlags&, const TcpFlags&) = default;
};
struct VlanList {
  std::array<std::uint16_t, 4> ids{};
  std::uint8_t count = 0;
  friend auto operator<=>(const VlanList&, const VlanList&) = default;
};

/// An address as it was on the wire; sorts by its bytes.
struct WireAddress {
  IpAddress address;
  bool ipv6 = false;
  friend auto operator<=>(const WireAddress&, const WireAddress&) = default;
};

using FieldValue = std::variant<Absent, bool, std::uint64_t, double, Moment, Span, TcpFlags, WireAddress, Uid,
                                VlanList, std::string>;

using TextBuffer = fmt::memory_buffer;

inline bool is_absent(const FieldValue& value) {
  return std::holds_alternative<Absent>(value);
}

/// A JSON value; times and names are strings, spans seconds with nine digits. Not for absent values.
void append_json(TextBuffer& out, const FieldValue& value);
/// The same text without quotes; lists separated by blanks, absent values empty. For CSV, and for group keys.
void append_plain(TextBuffer& out, const FieldValue& value);
/// For people: times to the millisecond, cut and not rounded, so that --since with them misses nothing.
void append_cell(TextBuffer& out, const FieldValue& value);

/// RFC 4180, 2: quoted where it holds a comma, a quote or a line break.
void append_csv(TextBuffer& out, std::string_view text);

}  // namespace tapline::tools

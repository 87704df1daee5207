#pragma once
// JsonObject: one JSON object as text, members in the order they were added. Strings that are not UTF-8 (file
// names) keep their bytes; control characters are escaped.

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "capture/base/time.hpp"

namespace tapline::query {

/// `"text"` with quotes, backslashes and control characters escaped (RFC 8259, 7).
std::string json_string(std::string_view text);

class JsonObject {
 public:
  void add_text(std::string_view name, std::string_view value) { add_raw(name, json_string(value)); }
  void add(std::string_view name, bool value) { add_raw(name, value ? "true" : "false"); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) void add(std::string_view name, T value) {
    add_raw(name, std::to_string(value));
  }
  /// RFC 3339 with nanoseconds.
  void add_time(std::string_view name, TimeNs time_ns) { add_text(name, format_rfc3339(time_ns)); }
  /// `items` are JSON already.
  void add_array(std::string_view name, std::span<const std::string> items);
  /// `value` is JSON already.
  void add_raw(std::string_view name, std::string_view value);

  std::string text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace tapline::query

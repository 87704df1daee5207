#pragma once
// TextRecord: a small file of `name = value` lines, for what people may want to read with a pager: the
// store's marker, a source's account. Published atomically. Values are single lines; unknown names are kept
// for newer readers.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/base/result.hpp"
#include "storage/disk/disk.hpp"

namespace tapline::storage {

class TextRecord {
 public:
  static constexpr std::size_t kBytesMax = 64 * 1024;

  /// kNotFound, kIo; kCorrupt where a line is not `name = value`, the last one has no line break, or the file
  /// is over 64 KiB.
  static Result<TextRecord> load(const std::string& path);
  Status publish(Disk& disk, const std::string& path) const;
  /// What publish() writes.
  std::string content() const;
  /// The same of what was read elsewhere; `path` stands in messages.
  static Result<TextRecord> parse(std::string_view text, const std::string& path);

  /// Line breaks in `value` become spaces.
  void set(std::string_view name, std::string_view value);
  bool has(std::string_view name) const;
  /// Empty where the name is missing.
  std::string text(std::string_view name) const;
  /// kCorrupt names file and name where it is missing or no number.
  Result<std::uint64_t> number(std::string_view name) const;
  Result<std::int64_t> signed_number(std::string_view name) const;

 private:
  template <class T>
  Result<T> parse_number(std::string_view name) const;
  std::string path_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace tapline::storage

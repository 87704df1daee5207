#include "storage/finished_sources.hpp"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <optional>

#include "capture/base/file.hpp"

namespace tapline::storage {
namespace {

constexpr std::string_view kSourceLine = "source = ";
constexpr std::string_view kChecksumLine = "checksum = ";

std::string path_of(const Store& store) {
  return store.sources_directory() + "/finished";
}

std::string checksum_line(std::string_view text) {
  return fmt::format("{}{:016x}\n", kChecksumLine, XXH3_64bits(text.data(), text.size()));
}

Error corrupt(std::string_view what) {
  return {ErrorCode::kCorrupt, fmt::format("finished sources: {}", what)};
}

/// Takes the first line off, without its line break.
std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

std::string write_finished_sources(const FinishedSources& sources) {
  std::string text;
  for (const auto& [id, its] : sources)
    text += fmt::format("{}{}\n{}", kSourceLine, format_segment_id(id), its);
  return text + checksum_line(text);
}

Result<FinishedSources> parse_finished_sources(std::string_view text) {
  const std::size_t last_line_bytes = checksum_line({}).size();
  if (text.size() < last_line_bytes) return corrupt("too short");
  std::string_view rest = text.substr(0, text.size() - last_line_bytes);
  if (text.substr(rest.size()) != checksum_line(rest)) return corrupt("checksum mismatch");
  FinishedSources sources;
  std::string* its = nullptr;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.starts_with(kSourceLine)) {
      const std::optional<SegmentId> id = parse_segment_id(line.substr(kSourceLine.size()));
      if (!id) return corrupt("a source without an id");
      its = &sources[*id];
    } else if (its == nullptr) {
      return corrupt("a line of no source");
    } else {
      its->append(line).append("\n");
    }
  }
  return sources;
}

FinishedSources load_finished_sources(const Store& store) {
  const Result<File> file = File::open_read(path_of(store));
  const Result<std::uint64_t> bytes = file ? file->size_bytes() : file.error();
  if (!bytes || *bytes > kFinishedSourcesBytesMax) return {};
  std::string text(*bytes, '\0');
  const std::span<std::uint8_t> out(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  if (!file->pread_exact(0, out)) return {};
  Result<FinishedSources> sources = parse_finished_sources(text);
  return sources ? std::move(*sources) : FinishedSources();
}

Status save_finished_sources(const Store& store, const FinishedSources& sources) {
  const std::string text = write_finished_sources(sources);
  return store.disk().publish_file(path_of(store),
                                   Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

}  // namespace tapline::storage

#include "storage/source.hpp"

#include <fmt/core.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>

#include "storage/file_names.hpp"
#include "storage/finished_sources.hpp"

namespace tapline::storage {
namespace {

constexpr std::string_view kSourceSuffix = ".source";

std::string source_path(const Store& store, const SegmentId& id) {
  return fmt::format("{}/{}{}", store.sources_directory(), format_segment_id(id), kSourceSuffix);
}

SegmentId id_from_hash(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  SegmentId id;
  std::ranges::copy(canonical.digest, id.begin());
  return id;
}

// In the order of SourceState.
constexpr std::array<std::string_view, 3> kStateNames{"started", "complete", "crashed"};

SourceState read_state(std::string_view name) {
  const auto at = std::ranges::find(kStateNames, name);
  return at == kStateNames.end() ? SourceState::kStarted : static_cast<SourceState>(at - kStateNames.begin());
}

std::optional<SegmentId> parse_source_name(std::string_view name) {
  if (!name.ends_with(kSourceSuffix)) return std::nullopt;
  return parse_segment_id(name.substr(0, name.size() - kSourceSuffix.size()));
}

/// What `finished` says of a source must not outlive what its own file says.
Status forget_finished(const Store& store, const SegmentId& id) {
  FinishedSources finished = load_finished_sources(store);
  return finished.erase(id) == 0 ? Status() : save_finished_sources(store, finished);
}

/// Once there are some: each time costs a write of all of them.
Status collect_finished(const Store& store) {
  constexpr std::size_t kCollectedMin = 8;
  const Result<std::vector<std::string>> names = list_names(store.sources_directory());
  if (!names) return names.error();
  FinishedSources finished = load_finished_sources(store);
  const std::size_t count_before = finished.size();
  std::size_t bytes = write_finished_sources(finished).size();
  for (const std::string& name : *names) {
    const std::optional<SegmentId> id = parse_source_name(name);
    if (!id || finished.contains(*id)) continue;
    const Result<TextRecord> record = TextRecord::load(source_path(store, *id));
    if (!record) return record.error();
    std::string content = record->content();
    bytes += content.size() + 64;  // and its line of `finished`
    if (bytes > kFinishedSourcesBytesMax) break;
    if (read_state(record->text("state")) != SourceState::kStarted) finished.emplace(*id, std::move(content));
  }
  if (finished.size() < count_before + kCollectedMin) return {};
  return save_finished_sources(store, finished);
}

Status read_small(const TextRecord& record, std::string_view name, std::uint16_t& value) {
  const Result<std::uint64_t> number = record.number(name);
  if (!number) return number.error();
  if (*number > 0xffff)
    return Error{ErrorCode::kCorrupt, fmt::format("{} is {}, not 0..65535", name, *number)};
  value = static_cast<std::uint16_t>(*number);
  return {};
}

}  // namespace

Result<Source> read_source(const TextRecord& record, const SegmentId& id) {
  Source source;
  source.id = id;
  source.path = record.text("path");
  source.damage = record.text("damage");
  source.packets = record.text("packets") != "no";
  source.policy = record.text("policy");
  source.live = record.text("kind") == "live";
  source.state = read_state(record.text("state"));
  const std::pair<const char*, std::uint64_t*> counts[] = {{"frames", &source.frames},
                                                           {"captured_bytes", &source.captured_bytes},
                                                           {"wire_bytes", &source.wire_bytes}};
  for (const auto& [name, value] : counts) {
    const Result<std::uint64_t> number = record.number(name);
    if (!number) return number.error();
    *value = *number;
  }
  const std::pair<const char*, TimeNs*> times[] = {{"started_at_ns", &source.started_at_ns},
                                                   {"finished_at_ns", &source.finished_at_ns},
                                                   {"first_ns", &source.first_ns},
                                                   {"last_ns", &source.last_ns}};
  for (const auto& [name, value] : times) {
    const Result<TimeNs> number = record.signed_number(name);
    if (!number) return number.error();
    *value = *number;
  }
  if (!source.live) return source;
  TAPLINE_TRY(read_small(record, "port", source.port));
  TAPLINE_TRY(read_small(record, "workers", source.workers));
  return source;
}

/// What `finished` says of a source; kNotFound where it says nothing.
Result<Source> load_finished(const Store& store, const SegmentId& id, const FinishedSources& finished) {
  const auto its = finished.find(id);
  if (its == finished.end()) return Error{ErrorCode::kNotFound, source_path(store, id)};
  const Result<TextRecord> record = TextRecord::parse(its->second, source_path(store, id));
  return record ? read_source(*record, id) : record.error();
}

Result<SegmentId> identify_source(const std::string& path, const std::string& name) {
  constexpr std::uint64_t kSampleBytes = 64 * 1024;
  struct stat about {};
  const bool seekable = path != "-" && ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode);
  if (!seekable)
    return name.empty() ? make_segment_id() : id_from_hash(XXH3_128bits(name.data(), name.size()));
  const Result<File> file = File::open_read(path);
  if (!file) return file.error();
  const Result<std::uint64_t> size = file->size_bytes();
  if (!size) return size.error();
  const std::uint64_t sample_bytes = std::min(*size, kSampleBytes);
  std::vector<std::uint8_t> sampled(2 * sample_bytes);
  TAPLINE_TRY(file->pread_exact(0, std::span(sampled).first(sample_bytes)));
  TAPLINE_TRY(file->pread_exact(*size - sample_bytes, std::span(sampled).last(sample_bytes)));
  put(sampled, *size);
  put_bytes(sampled, {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  return id_from_hash(XXH3_128bits(sampled.data(), sampled.size()));
}

Status save_source(const Store& store, const Source& source) {
  TextRecord record;
  record.set("path", source.path);
  record.set("state", std::string(kStateNames[static_cast<std::size_t>(source.state)]));
  if (source.live) {
    record.set("kind", "live");
    record.set("port", std::to_string(source.port));
    record.set("workers", std::to_string(source.workers));
  }
  record.set("started_at", format_rfc3339(source.started_at_ns));
  record.set("started_at_ns", std::to_string(source.started_at_ns));
  record.set("finished_at_ns", std::to_string(source.finished_at_ns));
  record.set("frames", std::to_string(source.frames));
  record.set("captured_bytes", std::to_string(source.captured_bytes));
  record.set("wire_bytes", std::to_string(source.wire_bytes));
  record.set("first_ns", std::to_string(source.first_ns));
  record.set("last_ns", std::to_string(source.last_ns));
  record.set("packets", source.packets ? "yes" : "no");
  if (!source.policy.empty()) record.set("policy", source.policy);
  if (!source.damage.empty()) record.set("damage", source.damage);
  TAPLINE_TRY(forget_finished(store, source.id));
  TAPLINE_TRY(record.publish(store.disk(), source_path(store, source.id)));
  if (source.state != SourceState::kStarted)
    static_cast<void>(collect_finished(store));  // where it fails, nothing but reading is saved
  return {};
}

Result<Source> load_source(const Store& store, const SegmentId& id) {
  const Result<TextRecord> record = TextRecord::load(source_path(store, id));
  return record ? read_source(*record, id) : record.error();
}

Result<std::vector<Source>> list_sources(const Store& store) {
  const Result<std::vector<std::string>> names = list_names(store.sources_directory());
  if (!names) return names.error();
  const FinishedSources finished = load_finished_sources(store);
  std::vector<Source> sources;
  for (const std::string& name : *names) {
    const std::optional<SegmentId> id = parse_source_name(name);
    if (!id) continue;
    Result<Source> source = load_finished(store, *id, finished);
    if (!source) source = load_source(store, *id);
    if (!source) return source.error();
    sources.push_back(std::move(*source));
  }
  std::ranges::sort(sources, {}, &Source::id);
  return sources;
}

}  // namespace tapline::storage

#include "storage/hold_folder.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "storage/file_names.hpp"

namespace tapline::storage {
namespace {

constexpr std::string_view kRequestSuffix = ".request";
constexpr std::string_view kReleaseSuffix = ".release";
constexpr std::string_view kHoldSuffix = ".hold";
constexpr std::string_view kListSuffix = ".segments";

std::string asked(const Store& store, const SegmentId& id, std::string_view suffix) {
  return fmt::format("{}/{}{}", store.holds_directory(), format_segment_id(id), suffix);
}

std::string answered(const Store& store, const SegmentId& id, std::string_view suffix) {
  return fmt::format("{}/{}{}", store.held_directory(), format_segment_id(id), suffix);
}

bool parse_name(std::string_view name, std::string_view suffix, SegmentId& id) {
  const std::optional<SegmentId> parsed =
      name.ends_with(suffix) ? parse_segment_id(name.substr(0, name.size() - suffix.size())) : std::nullopt;
  if (parsed) id = *parsed;
  return parsed.has_value();
}

void remove_quietly(const Store& store, const std::string& path) {
  static_cast<void>(store.disk().remove(path).ok());
}

/// At most kHoldFolderEntriesMax names; more are an error. A folder that is not there is empty.
Result<std::vector<std::string>> list_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (names.size() == kHoldFolderEntriesMax) {
      return Error{ErrorCode::kLimit,
                   fmt::format("{} has more than {} entries: remove what is none of a hold's", path,
                               kHoldFolderEntriesMax)};
    }
    names.push_back(entry->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return Error{ErrorCode::kIo, fmt::format("cannot list {}: {}", path, error.message())};
  std::ranges::sort(names);
  return names;
}

struct Paper {
  TextRecord record;
  std::uint64_t user_id = 0;
};

/// A file that anybody may have put there: no link is followed, no pipe waited for, and no error repeats what
/// is in it.
Result<Paper> load_paper(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return Error{ErrorCode::kNotFound, path + " is gone"};
  if (descriptor < 0) return io_error("open", path);
  File file = File::adopt(descriptor, path);
  struct stat about {};
  if (::fstat(descriptor, &about) != 0) return io_error("look at", path);
  if (!S_ISREG(about.st_mode) || about.st_nlink != 1 ||
      about.st_size > static_cast<off_t>(TextRecord::kBytesMax))
    return Error{ErrorCode::kCorrupt, path + ": no file of its own, or over 64 KiB"};
  std::vector<std::uint8_t> bytes(TextRecord::kBytesMax);
  const Result<std::size_t> count = file.read(bytes);
  if (!count) return count.error();
  Result<TextRecord> record = TextRecord::parse({reinterpret_cast<const char*>(bytes.data()), *count}, path);
  if (!record) return Error{ErrorCode::kCorrupt, path + ": not lines of the form name = value"};
  return Paper{std::move(*record), about.st_uid};
}

}  // namespace

Status ask_hold(const Store& store, const HoldRequest& request) {
  return write_hold_request(request).publish(store.disk(), asked(store, request.id, kRequestSuffix));
}

Status ask_release(const Store& store, const SegmentId& id, const std::string& owner,
                   const std::string& reason) {
  TextRecord record;
  record.set("owner", owner);
  record.set("reason", reason);
  return record.publish(store.disk(), asked(store, id, kReleaseSuffix));
}

Result<std::vector<HoldRequest>> list_requests(const Store& store) {
  const Result<HoldPapers> papers = list_papers(store);
  if (!papers) return papers.error();
  std::vector<HoldRequest> requests;
  for (const SegmentId& id : papers->requests) {
    Result<HoldRequest> request = load_request(store, id);
    if (request && !load_hold(store, id)) requests.push_back(std::move(*request));
  }
  std::ranges::stable_sort(requests, {}, &HoldRequest::requested_at_ns);
  return requests;
}

Result<std::vector<Hold>> list_holds(const Store& store, std::vector<UnreadableHold>& unreadable) {
  const Result<std::vector<std::string>> names = list_folder(store.held_directory());
  if (!names) return names.error();
  std::vector<Hold> holds;
  for (const std::string& name : *names) {
    SegmentId id;
    if (!parse_name(name, kHoldSuffix, id)) continue;
    Result<Hold> hold = load_hold(store, id);
    if (hold) holds.push_back(std::move(*hold));
    if (!hold && hold.error().code != ErrorCode::kNotFound) unreadable.push_back({id, hold.error()});
  }
  std::ranges::stable_sort(holds, {}, [](const Hold& hold) { return hold.request.requested_at_ns; });
  return holds;
}

Result<Hold> load_hold(const Store& store, const SegmentId& id) {
  const std::string path = answered(store, id, kHoldSuffix);
  const Result<TextRecord> record = TextRecord::load(path);
  if (!record) return record.error();
  Result<Hold> hold = read_hold(*record, id);
  if (!hold) return Error{hold.error().code, fmt::format("{}: {}", path, hold.error().context)};
  return hold;
}

Result<std::vector<std::uint64_t>> load_held_segments(const Store& store, const SegmentId& id) {
  const std::string path = answered(store, id, kListSuffix);
  const Result<std::vector<std::uint8_t>> bytes = read_file(path);
  if (!bytes) return bytes.error();
  Result<std::vector<std::uint64_t>> segments =
      read_held_segments({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!segments) return Error{segments.error().code, fmt::format("{}: {}", path, segments.error().context)};
  return segments;
}

Result<HoldPapers> list_papers(const Store& store) {
  const Result<std::vector<std::string>> names = list_folder(store.holds_directory());
  if (!names) return names.error();
  HoldPapers papers;
  for (const std::string& name : *names) {
    SegmentId id;
    if (parse_name(name, kRequestSuffix, id)) papers.requests.push_back(id);
    if (parse_name(name, kReleaseSuffix, id)) papers.releases.push_back(id);
  }
  return papers;
}

Result<HoldRequest> load_request(const Store& store, const SegmentId& id) {
  const std::string path = asked(store, id, kRequestSuffix);
  const Result<Paper> paper = load_paper(path);
  if (!paper) return paper.error();
  Result<HoldRequest> request = read_hold_request(paper->record, id);
  if (!request) return Error{request.error().code, fmt::format("{}: {}", path, request.error().context)};
  request->user_id = paper->user_id;
  return request;
}

Result<std::string> load_release(const Store& store, const SegmentId& id) {
  const Result<Paper> paper = load_paper(asked(store, id, kReleaseSuffix));
  if (!paper) return paper.error();
  if (!paper->record.has("owner") || !paper->record.has("reason"))
    return Error{ErrorCode::kCorrupt, asked(store, id, kReleaseSuffix) + ": has no owner or no reason"};
  return fmt::format("released by {} (user {}): {}",
                     paper->record.text("owner").substr(0, kHoldReasonBytesMax), paper->user_id,
                     paper->record.text("reason").substr(0, kHoldReasonBytesMax));
}

void remove_request(const Store& store, const SegmentId& id) {
  remove_quietly(store, asked(store, id, kRequestSuffix));
}

void remove_release(const Store& store, const SegmentId& id) {
  remove_quietly(store, asked(store, id, kReleaseSuffix));
}

Status save_hold(const Store& store, const Hold& hold, const std::vector<std::uint64_t>& segments) {
  const std::string list = write_held_segments(segments);
  TAPLINE_TRY(store.disk().publish_file(answered(store, hold.request.id, kListSuffix),
                                        {reinterpret_cast<const std::uint8_t*>(list.data()), list.size()}));
  return write_hold(hold).publish(store.disk(), answered(store, hold.request.id, kHoldSuffix));
}

Status save_ended_hold(const Store& store, const Hold& hold) {
  TAPLINE_TRY(write_hold(hold).publish(store.disk(), answered(store, hold.request.id, kHoldSuffix)));
  remove_quietly(store, answered(store, hold.request.id, kListSuffix));
  return {};
}

void remove_hold(const Store& store, const SegmentId& id) {
  remove_quietly(store, answered(store, id, kHoldSuffix));
  remove_quietly(store, answered(store, id, kListSuffix));
}

}  // namespace tapline::storage

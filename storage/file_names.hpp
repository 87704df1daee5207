#pragma once
// Names of the files of a store. A finished file is named by first and last capture time, port, worker and
// the first half of its id, so that planning a question needs only a directory listing:
//   20260101T000000.000619000Z_20260101T001952.123456789Z_p0_w0_0123456789abcdef.pcap.zst
// A file being written is `open-<32 hex digits of id><suffix>.open`; an evicted segment leaves an empty file
// whose suffix is `.expired`: what was lost stays known.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/base/time.hpp"
#include "storage/container_writer.hpp"

namespace tapline::storage {

inline constexpr std::string_view kPacketSuffix = ".pcap.zst";
inline constexpr std::string_view kIndexSuffix = ".idx";
inline constexpr std::string_view kSessionSuffix = ".sessions";
inline constexpr std::string_view kLedgerSuffix = ".ledger";
inline constexpr std::string_view kExpiredSuffix = ".expired";
inline constexpr std::string_view kOpenSuffix = ".open";
inline constexpr std::string_view kDamagedSuffix = ".damaged";  // set aside by recovery
inline constexpr std::string_view kDraftSuffix = ".tmp";        // of publish_file()

struct FinalName {
  TimeNs first_ns = 0;
  TimeNs last_ns = 0;
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  std::uint64_t id_high = 0;  // first 8 bytes of the segment id, big endian
};

/// File name without directory; `suffix` is one of the above.
std::string final_name(const FinalName& name, std::string_view suffix);
std::string open_name(const SegmentId& id, std::string_view suffix);

/// The parts of a final name that ends with `suffix`; nothing where it is no such name.
std::optional<FinalName> parse_final_name(std::string_view file_name, std::string_view suffix);
/// The same of a path, with or without directory.
std::optional<FinalName> parse_final_path(std::string_view path, std::string_view suffix);
/// True for `open-<32 hex digits><suffix>.open`.
bool is_open_name(std::string_view file_name, std::string_view suffix);
/// The id_high of an open name, whatever its suffix; nothing where it is no such name.
std::optional<std::uint64_t> parse_open_id_high(std::string_view file_name);

/// Index of some blocks of an open segment (FORMAT.md, "While a segment is open"):
/// `open-<32 hex digits>.<first>-<end>.idx`.
struct StepName {
  std::string open_digits;        // the 32 digits
  std::uint32_t first_block = 0;  // blocks first_block <= b < end_block
  std::uint32_t end_block = 0;
};
std::string step_name(const SegmentId& id, std::uint32_t first_block, std::uint32_t end_block);
/// Nothing where it is no such name, or of no block.
std::optional<StepName> parse_step_name(std::string_view file_name);

std::uint64_t id_high(const SegmentId& id);

/// Names in a directory, sorted. It is listed until two listings agree, because readdir(3) may show a file
/// that is renamed meanwhile twice or not at all; the last one counts if that never ends.
Result<std::vector<std::string>> list_names(const std::string& directory);

}  // namespace tapline::storage

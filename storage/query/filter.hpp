#pragma once
// Filter: a question about packets and sessions, in the one language of the command line (README.md).
// Immutable and cheap to copy; any thread may evaluate it. Evaluation allocates nothing, but for Community
// IDs (one SHA-1 a session). Limits: 64 KiB of text as typed and in canonical form, 200 levels of
// parentheses. Budget: a host or port filter below 50 ns a packet; guarded by tests/query/filter_bench.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "capture/packet/session_record.hpp"
#include "storage/query/filter_index_query.hpp"
#include "storage/query/filter_network.hpp"

namespace tapline::query {

inline constexpr std::size_t kFilterBytesMax = 64 * 1024;

struct FilterOptions {
  std::vector<Network> home_nets = default_home_nets();  // what egress and ingress are relative to
  TimeNs now_ns = 0;                                     // what -3h and `now` are relative to
};

struct CompiledFilter;

class Filter {
 public:
  /// Empty text matches everything. kInvalid and kLimit carry three lines: "filter: column 12: " with the
  /// mistake and the remedy, the expression, a caret under the column.
  static Result<Filter> parse(std::string_view text, const FilterOptions& options);

  /// Packet words look at the packet, session words at `session`; false where there are session words and no
  /// session.
  bool matches_packet(const Frame& frame, const PacketMeta& meta, const SessionRecord* session) const;

  /// Packet words look at the session's endpoints, `src` being the originator. Frame lengths exclude no
  /// session.
  bool matches_session(const SessionRecord& session) const;

  /// False only where no frame of the session matches_packet(): sides, tags, labels and lengths, in which its
  /// frames differ, exclude no session.
  bool may_match_frames(const SessionRecord& session) const;

  bool has_session_terms() const;
  bool has_packet_terms() const;
  /// Whether it asks how long a frame is, which differs from frame to frame of a flow.
  bool has_length_terms() const;

  /// Every frame that matches has keys for which this is true. Session words ask nothing of the index: the
  /// planner resolves them to sessions first.
  IndexQuery index_query() const;

  /// Where the whole filter is one uid: its first frame's time finds the file.
  std::optional<Uid> single_uid() const;
  /// Where the whole filter names one flow: a five-tuple with both ports, or of a protocol without.
  /// Canonical; link and tunnel are 0.
  std::optional<FlowKey> single_flow() const;

  /// Canonical form: parses back to the same filter, times being absolute.
  std::string to_string() const;

 private:
  explicit Filter(std::shared_ptr<const CompiledFilter> compiled);

  std::shared_ptr<const CompiledFilter> compiled_;
};

}  // namespace tapline::query

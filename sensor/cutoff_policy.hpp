#pragma once
// CutoffPolicy: how much of a flow's payload is stored: all, the first bytes of each direction, headers only,
// or nothing; by filters, the first that is true decides. Asked once for each direction of a flow, about its
// first frame; the answer is remembered in the flow's AppendSlot. Immutable after parse(); any thread.
//
// Session records are made before the policy is asked and stay complete. Always stored, with all headers and
// whatever the policy says: TCP's SYN, FIN and RST. Of frames without a session (ARP, other ethertypes, odd
// headers), each is asked about; they are stored whole or, by `none`, not at all.

#include <cstdint>
#include <string>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/packet/flow_hit.hpp"
#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/query/filter.hpp"

namespace tapline::sensor {

/// Bytes of the frame that remain if only `payload_bytes` of the payload of a packet within it (`meta`) are
/// kept: its first `header_bytes` stay, up to and with that packet's headers; padding goes with the payload.
/// The packet that an ICMP error quotes counts as header, as far as its own headers go.
std::uint32_t trimmed_bytes(const Frame& frame, const PacketMeta& meta, std::uint32_t header_bytes,
                            std::uint32_t payload_bytes);
/// TCP's SYN, FIN and RST: what a session's beginning and end are known by.
bool is_tcp_control(const PacketMeta& meta);

class CutoffPolicy {
 public:
  /// Filters at most; with --cutoff itself they are numbered from 1 in AppendSlot::cutoff_rule.
  static constexpr std::size_t kFiltersMax = 100;
  /// Of text(), which stands in the account of the recording.
  static constexpr std::size_t kTextBytesMax = 16 * 1024;
  /// AppendSlot::cutoff_rule of a flow whose fragments are stored whole: past all rules.
  static constexpr std::uint8_t kKeepRule = 255;
  /// What --help says of the two options.
  static constexpr const char* kCutoffHelp =
      "store of each session and direction: all (default), the first SIZE of payload (64KiB), headers, or "
      "none "
      "but TCP's SYN, FIN and RST. Session records are complete all the same";
  static constexpr const char* kCutoffForHelp =
      "the same for sessions that match FILTER: 'port 443=headers'; may be repeated, the first that matches "
      "decides";

  /// Keeps everything.
  CutoffPolicy() = default;
  /// `cutoff` (--cutoff): `all`, a size below 4GiB, `headers` or `none`; empty: all. `rules` (--cutoff-for):
  /// each FILTER=POLICY, split at the last `=`. `store_packets`: no --no-packets, beside which neither makes
  /// sense. kInvalid names option, value and remedy.
  static Result<CutoffPolicy> parse(const std::string& cutoff, const std::vector<std::string>& rules,
                                    bool store_packets = true);

  /// False: everything is kept, and the rest need not be asked.
  bool any() const { return !limits_.empty(); }
  /// One line for people, in the options' words; empty where everything is kept.
  const std::string& text() const { return text_; }

  /// Of this frame, and of later fragments of its datagram, whatever the rules say of those: a packet within
  /// it has been asked about, and they are the rest of that. `carrier`: of a first fragment.
  static void keep_fragments(const FlowHit& carrier) {
    if (carrier.slot != nullptr) carrier.slot->cutoff_rule = kKeepRule;
  }

  struct Kept {
    bool stored = true;
    std::uint32_t bytes = 0;  // from the start of the frame
  };
  /// What is to be stored of this frame. `hit`, in whose slot it is remembered which rule it was, is of the
  /// innermost packet with a session, and `meta` that packet's; `outermost` is the frame's.
  Kept keep(const Frame& frame, const PacketMeta& outermost, const PacketMeta& meta,
            const FlowHit& hit) const;

 private:
  struct Limit {
    bool stored = true;
    std::uint32_t payload_bytes = UINT32_MAX;  // of each direction, from its first frame on
  };
  static Result<Limit> parse_limit(const std::string& option, const std::string& text);
  Status add_rule(const std::string& rule);
  std::uint8_t choose(const Frame& frame, const PacketMeta& meta) const;

  std::vector<query::Filter> filters_;
  std::vector<Limit> limits_;  // one a filter, then that of --cutoff
  std::string text_;
};

}  // namespace tapline::sensor

#pragma once
// NaiveFlows: what FlowTable promises, written down a second time without any of its machinery: each flow
// keeps all of its frames, every frame asks every flow whether it is due, and records are computed from the
// frames.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {

class NaiveFlows {
 public:
  explicit NaiveFlows(const FlowTableConfig& config) : config_(config) {}

  void add(const Packet& packet);
  void finish();

  std::vector<SessionRecord> records;
  std::uint64_t frames_duplicate = 0;

 private:
  struct SeenFrame {
    Packet packet;
    Direction direction;
    OrderKey order;
  };
  struct Flow {
    FlowKey key;
    std::vector<SeenFrame> frames;
    std::size_t frames_in_records = 0;
    std::uint32_t seq = 0;
    std::array<std::uint64_t, 2> duplicates{};  // by Direction
    std::array<std::uint64_t, 2> duplicates_in_records{};
    TimeNs lag_ns = 0;
    std::optional<Direction> opened_before;  // of a flow seen from the middle on
  };
  struct Memory {
    Direction originator;
    TimeNs end_ns;
  };

  void move_clock(TimeNs time_ns);
  bool settle(Flow& flow, TimeNs reached_ns);
  bool is_copy(const Packet& packet, const std::string& name, Direction direction);
  Direction join_fragment(const Packet& packet, Direction direction, FlowKey& key);
  bool is_reuse(const Flow& flow, const SeenFrame& frame) const;
  static void note_signature(const Packet& packet, SessionRecord& record);
  static void set_tcp(const Flow& flow, SessionRecord& record);
  void write(Flow& flow, EndReason reason);
  void remember(const SessionRecord& record, const Flow& flow);
  TimeNs timeout_ns(const Flow& flow) const;

  FlowTableConfig config_;
  OrderKeeper order_;
  std::map<std::string, Flow> flows_;
  std::map<std::string, Memory> memory_;           // never forgets: the table's must be large enough
  std::map<std::string, std::int64_t> datagrams_;  // when last seen, in units of kCopyUnitLog2
  std::map<std::string, Packet> first_fragments_;  // by addresses as sent, protocol and identification
  bool clock_started_ = false;
  TimeNs clock_ns_ = 0;
  std::vector<TimeNs> jump_;
};

}  // namespace tapline::flowgen

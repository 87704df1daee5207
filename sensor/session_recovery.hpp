#pragma once
// SessionRecovery: the session records that one worker of a killed run still owed. What it wrote is right and
// stands; frames that no record contains yet are counted by a flow table of their own, and its records go on
// from the newest stored ones. Of a flow, the newest record contains exactly the frames up to its last_ns.
// One thread. Memory: a flow table, an entry for each flow with a record within the window, and a record for
// each session that was left open.
//   load(), then replay() for every stored frame since replay_since_ns() in order, then finish().

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "capture/packet/packet_layers.hpp"
#include "flowgen/flow_hash.hpp"
#include "flowgen/flow_table.hpp"
#include "storage/session_file_reader.hpp"
#include "storage/session_file_writer.hpp"

namespace tapline::sensor {

struct SessionRecoveryCounters {
  std::uint64_t frames_counted = 0;  // contained in no record before
  std::uint64_t records_written = 0;
  std::uint64_t sessions_continued = 0;  // with frames after their newest record
  std::uint64_t sessions_ended = 0;      // left open, and no frame came after
  std::uint64_t sessions_new = 0;        // of which no record stood
};

class SessionRecovery {
 public:
  /// `table`: flows_max, sensor, worker, timeouts and link of the run; the link is that of its records, if
  /// any. `files`: where its session files go.
  SessionRecovery(const flowgen::FlowTableConfig& table, const storage::RowGroupFileConfig& files);

  /// Reads what the run has written: `paths` in the order of their creation. A file that cannot be read
  /// (further) goes to `unreadable`.
  Status load(const std::vector<std::string>& paths, std::vector<Error>& unreadable);

  /// Order time since which there may be frames that no record contains: a second's beginning. The least time
  /// where no file says how far it is complete.
  TimeNs replay_since_ns() const { return since_ns_; }
  /// How far the files say to be complete; the least time where none does.
  TimeNs complete_until_ns() const { return complete_until_ns_; }

  /// The packets of one frame. `cut`: the store has less of the frame than was captured.
  Status replay(const LayeredBurst& packets, bool cut);

  /// Ends every session and publishes the records.
  Status finish();

  const SessionRecoveryCounters& counters() const { return counters_; }

 private:
  /// The newest record of a flow.
  struct Known {
    Uid uid;
    OrderKey first_order;
    std::uint32_t seq = 0;
    TimeNs last_ns = 0;
    std::unique_ptr<SessionRecord> open;  // while its session waits to be continued or ended
    std::optional<Uid> continued_by;      // the flow table's name for the session
    std::optional<TimeNs> further_ns;     // of the first frame that was counted after it
  };
  Status load_file(const std::string& path, TimeNs records_since_ns);
  void note_record(const SessionRecord& record, bool recent);
  bool is_counted(const FlowKey& key, TimeNs time_ns) const;
  /// A frame of it that no record contains.
  void note_further(const FlowKey& key, TimeNs time_ns);
  /// Where the flow table cannot know it, or knows it by a name of its own, the uid of the session that
  /// carries a flow, whose first frame that no record contains has come.
  void note_carrier(const FlowKey& key, const FlowKey& carrier, TimeNs time_ns);
  Status advance();
  Status drain_records();
  Status write_next(SessionRecord record);
  Status write(const SessionRecord& record);
  Status write_end(Known& known);

  flowgen::FlowTableConfig table_config_;
  std::unique_ptr<flowgen::FlowTable> table_;
  storage::SessionFileWriter writer_;
  std::unordered_map<FlowKey, Known, flowgen::FlowHash> known_;
  std::unordered_map<FlowKey, Uid, flowgen::FlowHash> parents_;  // of flows in tunnels: note_carrier()
  LayeredBurst uncounted_;                                       // scratch of replay()
  storage::SessionRowReader rows_;
  TimeNs since_ns_;
  TimeNs complete_until_ns_;
  std::uint32_t frames_since_advance_ = 0;
  SessionRecoveryCounters counters_;
};

}  // namespace tapline::sensor

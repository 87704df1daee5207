#pragma once
// A flow as a session record. Pure; runs when a record is due, never per packet.

#include <cstdint>

#include "capture/packet/session_record.hpp"
#include "flowgen/flow_entry.hpp"

namespace tapline::flowgen {

/// What all records of one table share.
struct RecordOrigin {
  std::uint64_t sensor_id;
  std::uint16_t worker;
  std::uint16_t link;
  bool frames_stored;  // false: no frame of any flow is
};

/// Sets every field of `record` but parent_uid. `slab`: the flow's, or null where it has written no record
/// yet. `tcp`: the flow's, or null where it has none.
void build_record(const FlowEntry& flow, const InterimSlab* slab, const TcpSlab* tcp,
                  const RecordOrigin& origin, EndReason reason, SessionRecord& record);

}  // namespace tapline::flowgen

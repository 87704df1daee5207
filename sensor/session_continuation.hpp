#pragma once
// How the records of a flow whose writer died go on: pure functions of the newest record that was written and
// of what a flow table makes of the frames that came after it.

#include "capture/packet/session_record.hpp"
#include "flowgen/flow_table.hpp"

namespace tapline::sensor {

/// Whether frames that begin with those of `further` (the first record about them) belong to the session that
/// `known` left open: not where its timeout passed in between or a SYN began another one. What the flow table
/// knows beyond the record (sequence number of the SYN, order of the FINs) is taken for the usual case.
bool continues_session(const SessionRecord& known, const SessionRecord& further,
                       const flowgen::Timeouts& timeouts);

/// `further`, a record about the frames after `known`, as a record of that session: sums, unions, extremes;
/// its uid, first times and tags.
SessionRecord continue_session(const SessionRecord& known, const SessionRecord& further);

/// The final record of a session after which no frame came: the numbers of `known`, kRecovered.
SessionRecord end_session(const SessionRecord& known);

}  // namespace tapline::sensor

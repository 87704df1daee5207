#pragma once
// The records of one session, by its uid: of each session file the index, and the groups that it names. Of a
// file of 1 M sessions that is some 20 KB and one group (FORMAT.md, "Record files"). Files without an index
// are searched by their block tables. One thread each; memory: one group.

#include <optional>
#include <string>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/packet/session_record.hpp"

namespace tapline::storage {

/// All records of one uid, by seq, each once. `paths`: a catalog's. `unreadable` gets the errors of files
/// that cannot be read.
std::vector<SessionRecord> find_session(const std::vector<std::string>& paths, const Uid& uid,
                                        std::vector<Error>& unreadable);

/// The one with the highest seq; reads at most one group of each file that has the uid, and after a final
/// record no more files.
std::optional<SessionRecord> find_newest_record(const std::vector<std::string>& paths, const Uid& uid,
                                                std::vector<Error>& unreadable);

}  // namespace tapline::storage

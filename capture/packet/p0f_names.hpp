#pragma once
// How p0f names the parts of a signature.

#include <string_view>

#include "capture/packet/syn_signature.hpp"

namespace tapline {

/// By bit of SynFlag.
inline constexpr std::string_view kP0fQuirkNames[kSynQuirkCount] = {
    "df",    "id+",   "id-",    "ecn",  "0+",   "flow", "seq-", "ack+", "ack-",
    "uptr+", "urgf+", "pushf+", "ts1-", "ts2+", "opt+", "exws", "bad"};

/// By OptionLayout::Code, without the number that follows kEnd's and kOther's.
inline constexpr std::string_view kP0fOptionNames[] = {"",    "eol+", "nop", "mss", "ws",
                                                       "sok", "sack", "ts",  "?"};

}  // namespace tapline

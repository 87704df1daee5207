#pragma once
// The input of store_fuzz: files of a store, one after the other. Each is 1 byte (bits 0..3: what, bits 4..7:
// its number, which gives it a name of its own), 2 bytes (length), content.

#include <array>
#include <string>
#include <string_view>

#include "storage/file_names.hpp"

namespace tapline {

enum class StoreEntry : std::uint8_t {
  kSegment,
  kSegmentIndex,
  kOpenSegment,
  kIndexStep,
  kSessions,
  kOpenSessions,
  kLedger,
  kOpenLedger,
  kIntervals,
  kVolume,
  kRequest,
  kRelease,
  kHold,
  kHeldSegments,
  kSource,
  kOther,  // number 0: the scrub's state; 1: the store's marker; else a name in packets/, which is the
           // content
};

/// In the folder of a store.
inline std::string entry_path(StoreEntry entry, std::uint8_t number) {
  using namespace storage;
  SegmentId id{};
  id.fill(number);
  const TimeNs first_ns = 1'767'225'600 * kNsPerSecond + number * 3600 * kNsPerSecond;
  const auto finished = [&](std::string_view suffix) {
    return final_name({first_ns, first_ns + 3600 * kNsPerSecond, 0, 0, id_high(id)}, suffix);
  };
  switch (entry) {
    case StoreEntry::kSegment:
      return "packets/" + finished(kPacketSuffix);
    case StoreEntry::kSegmentIndex:
      return "packets/" + finished(kIndexSuffix);
    case StoreEntry::kOpenSegment:
      return "packets/" + open_name(id, kPacketSuffix);
    case StoreEntry::kIndexStep:
      return "packets/" + step_name(id, 0, 2);
    case StoreEntry::kSessions:
      return "sessions/" + finished(kSessionSuffix);
    case StoreEntry::kOpenSessions:
      return "sessions/" + open_name(id, kSessionSuffix);
    case StoreEntry::kLedger:
      return "ledger/" + finished(kLedgerSuffix);
    case StoreEntry::kOpenLedger:
      return "ledger/" + open_name(id, kLedgerSuffix);
    case StoreEntry::kIntervals:
      return "packets/expired-intervals";
    case StoreEntry::kVolume:
      return "volumes/" + format_segment_id(id) + ".volume";
    case StoreEntry::kRequest:
      return "holds/" + format_segment_id(id) + ".request";
    case StoreEntry::kRelease:
      return "holds/" + format_segment_id(id) + ".release";
    case StoreEntry::kHold:
      return "held/" + format_segment_id(id) + ".hold";
    case StoreEntry::kHeldSegments:
      return "held/" + format_segment_id(id) + ".segments";
    case StoreEntry::kSource:
      return "sources/" + format_segment_id(id) + ".source";
    case StoreEntry::kOther:
      break;
  }
  return number == 0 ? "scrub" : "tapline-store";
}

}  // namespace tapline

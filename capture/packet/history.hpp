#pragma once
// History: what happened in a TCP session, in order, as Zeek's `history` tells it: a letter an event. Packed
// into 24 bytes, so that it fits into a flow in memory and into columns of whole numbers. Kept by direction;
// who opened the session, and with it the case of the letters, is found when it is read.

#include <array>
#include <cstdint>
#include <string>

#include "capture/packet/flow_key.hpp"

namespace tapline {

/// Letters of Zeek's conn.log (scripts/base/protocols/conn/main.zeek). Numbers are on disk.
enum class HistoryEvent : std::uint8_t {
  kSyn = 1,         // s: SYN without ACK
  kSynAck,          // h
  kAck,             // a: ACK without payload, once a direction
  kData,            // d: payload, once
  kFin,             // f: again where its sequence number differs
  kReset,           // r: again where its sequence number differs
  kGap,             // g: content never seen; the 1st, 10th, 100th ... time
  kRetransmission,  // t: payload that does not go beyond what was sent; as g
  kZeroWindow,      // w: as g
  kInconsistent,    // i: FIN and RST, once
  kMultiFlag,       // q: SYN and FIN, or SYN and RST, once
  kBadChecksum,     // c: as g
};

class History {
 public:
  static constexpr std::uint32_t kEventsMax = 36;  // later ones are not recorded

  void append(HistoryEvent event, Direction direction);
  struct Entry {
    HistoryEvent event;
    Direction direction;
  };
  std::uint32_t size() const;
  /// i below size(). Of words from a file it may be no event at all.
  Entry at(std::uint32_t i) const;

  /// Upper case: sent by the originator. `flipped`: the originator did not send the first frame: begins with
  /// '^'.
  std::string text(Direction originator, bool flipped) const;

  /// As stored: 12 events of 5 bits in each word, first event in the lowest; 0: none. An event is its number,
  /// times two, plus its Direction. Any words may come from a file: what is no event is shown as '?'.
  const std::array<std::uint64_t, 3>& words() const { return words_; }
  static History of_words(const std::array<std::uint64_t, 3>& words);

  friend bool operator==(const History&, const History&) = default;

 private:
  std::array<std::uint64_t, 3> words_{};
};

}  // namespace tapline

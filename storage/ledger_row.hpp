#pragma once
// LedgerRow: the account of what happened to the frames of one second (of order time) on one port and worker.
// Rows of the same second add up; a row may correct an earlier one, so counters are signed. The books that
// must close:
//   1. frames: polled = stored whole + stored cut + filtered + dropped (by cause)
//      bytes:  polled wire bytes = stored + cut by us + cut at the source + filtered + dropped
//   2. device_received = polled + in the ring (cumulative frames; checked by whoever reads the device)
//   3. decoded = in a session + without one (by status) + duplicates, where a packet in a tunnel is decoded
//   in
//      addition to the frame: decoded = polled + inner packets
// Bytes are wire bytes. Some sources hand out frames with more bytes captured than they say the wire had;
// book 1 counts such a frame with the smaller number, and what is beyond it in counters of its own, so that
// the sums close exactly.

#include <array>
#include <cstdint>

#include "capture/packet/frame.hpp"
#include "capture/packet/packet_meta.hpp"
#include "storage/row_group.hpp"

namespace tapline::storage {

/// Why a frame is not in the store, though nobody asked for that. Numbers are on disk, never reused.
enum class DropCause : std::uint8_t {
  kNoBlock = 0,   // every block of the pool was on its way to the disk
  kIoError = 1,   // the disk refused
  kNoSpace = 2,   // the ring could not make room
  kOverload = 3,  // shed to keep up
  kCrash = 4,     // the sensor died with it in memory; booked by recovery
};
inline constexpr std::uint16_t kDropCauseCount = 5;
const char* drop_cause_name(DropCause cause);  // "no_block", ...

/// Positions within LedgerCounts; meanings stand in kLedgerCounters.
enum LedgerCounter : std::uint16_t {
  kFramePolled,
  kFramePolledCapturedBytes,
  kFramePolledWireBytes,
  kFrameStoredWhole,
  kFrameStoredWholeBytes,
  kFrameStoredCut,
  kFrameStoredCutBytes,
  kFrameCutByUsBytes,
  kFrameCutAtSourceBytes,
  kFrameFiltered,
  kFrameFilteredBytes,
  kFrameUnderstated,
  kFrameUnderstatedBytes,
  kFrameStoredBeyondWireBytes,
  kFrameDecoded,
  kFrameInSession,
  kFrameDuplicate,
  kFrameStoredLowered,  // these four of those stored; in no book
  kFrameStoredHurried,
  kFrameCutOverload,
  kFrameCutOverloadBytes,
  kFrameOversized,  // these two of those polled; in no book
  kFrameLate,
  kFrameInAttempt,    // book 3
  kFrameBadChecksum,  // of those decoded; in no book
  kClockSet,          // no frames; in no book
  kPacketInner,       // of those decoded, the ones within frames
  kFrameDropped,      // one of each cause
  kFrameDroppedBytes = kFrameDropped + kDropCauseCount,
  kFrameNoSession = kFrameDroppedBytes + kDropCauseCount,  // one of each DecodeStatus
  kLedgerCounterCount = kFrameNoSession + kDecodeStatusCount,
};

/// Column, name and meaning of each counter, in the order of LedgerCounter.
extern const std::array<ColumnSpec, kLedgerCounterCount> kLedgerCounters;

struct LedgerCounts {
  std::array<std::int64_t, kLedgerCounterCount> values{};

  std::int64_t operator[](std::size_t counter) const { return values[counter]; }
  /// Wraps at 64 bits, so that a damaged file cannot make it undefined.
  void add(std::size_t counter, std::uint64_t amount) {
    values[counter] = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[counter]) + amount);
  }
  void add(const LedgerCounts& other);
  bool any() const { return *this != LedgerCounts{}; }

  /// As the source handed it out, with its order key.
  void add_polled(const Frame& frame);
  /// Exactly one of these for each polled frame. `stored_bytes`: of its captured bytes, from the start.
  void add_stored(const Frame& frame, std::uint32_t stored_bytes);
  void add_filtered(const Frame& frame);
  /// In addition, of a stored frame: `bytes` of its captured bytes were left out to keep up.
  void add_cut_overload(std::uint32_t bytes);
  void add_dropped(const Frame& frame, DropCause cause);

  /// Exactly one of these for each decoded packet.
  void add_in_session() { add(kFrameInSession, 1); }
  void add_duplicate() { add(kFrameDuplicate, 1); }
  /// Frames booked as in session before, of attempts that a flood has pushed out of the flow table.
  void move_to_attempts(std::uint64_t frames) {
    add(kFrameInSession, 0 - frames);
    add(kFrameInAttempt, frames);
  }
  void add_no_session(DecodeStatus status) { add(kFrameNoSession + static_cast<std::size_t>(status), 1); }
  void add_bad_checksum() { add(kFrameBadChecksum, 1); }
  void add_clock_set() { add(kClockSet, 1); }
  /// A frame of so many packets: the outermost, and those in tunnels.
  void add_decoded(std::size_t packets) {
    add(kFrameDecoded, packets);
    if (packets > 1) add(kPacketInner, packets - 1);
  }

  friend bool operator==(const LedgerCounts&, const LedgerCounts&) = default;
};

struct LedgerRow {
  std::int64_t second = 0;  // of order time, since 1970; covers [second, second + 1)
  std::uint16_t port = 0;
  std::uint16_t worker = 0;
  bool device_measured = false;              // the next two were read within this second
  std::uint64_t device_received_frames = 0;  // cumulative, as of the last reading
  std::uint64_t device_dropped_frames = 0;   // by device and kernel
  LedgerCounts counts;

  friend bool operator==(const LedgerRow&, const LedgerRow&) = default;
};

/// Columns of a row that are no counters.
enum LedgerColumn : std::uint16_t {
  kLedgerSecond = 1,
  kLedgerPort,
  kLedgerWorker,
  kLedgerDeviceMeasured,
  kLedgerDeviceReceived,
  kLedgerDeviceDropped,
};
inline constexpr std::uint16_t kLedgerColumnCount = 6;
/// Indexed by number - 1.
extern const std::array<ColumnSpec, kLedgerColumnCount> kLedgerColumns;

/// Sums of rows.
class LedgerTotals {
 public:
  void add(const LedgerRow& row) { counts_.add(row.counts); }
  const LedgerCounts& counts() const { return counts_; }

  std::int64_t dropped_frames() const;
  std::int64_t dropped_bytes() const;
  std::int64_t no_session_frames() const;

  /// Books 1 and 3; kCorrupt names the book, both sides and the difference.
  Status check() const;

 private:
  std::int64_t sum(std::size_t first, std::size_t count) const;

  LedgerCounts counts_;
};

}  // namespace tapline::storage

#include "storage/ledger_row.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/base/time_window.hpp"

namespace tapline::storage {
namespace {

constexpr auto kSigned = ColumnType::kSigned;

/// Column numbers of causes and statuses grow with the enums' numbers.
constexpr std::uint16_t kDroppedColumns = 100;
constexpr std::uint16_t kDroppedBytesColumns = 132;
constexpr std::uint16_t kNoSessionColumns = 164;

constexpr ColumnSpec counter(std::uint16_t number, const char* name, const char* help) {
  return {number, name, kSigned, 64, {}, help};
}

// A jumbo frame of 9216 bytes with its header and two tags.
constexpr std::uint32_t kEthernetFrameBytesMax = 9216 + 14 + 8;

std::uint32_t clipped(const Frame& frame, std::uint32_t bytes) {
  return std::min(bytes, frame.wire_bytes);
}

/// Adds wrapping; both sides of a book may hold anything in a damaged file.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

}  // namespace

const std::array<ColumnSpec, kLedgerCounterCount> kLedgerCounters{{
    counter(16, "frame_polled", "frames that the source handed out"),
    counter(17, "frame_polled_captured_bytes", "bytes of them that were captured"),
    counter(18, "frame_polled_wire_bytes", "bytes of them on the wire, as the source says"),
    counter(19, "frame_stored_whole", "frames stored as captured"),
    counter(20, "frame_stored_whole_bytes", "wire bytes of them that are in the store"),
    counter(21, "frame_stored_cut", "frames stored with fewer bytes than were captured"),
    counter(22, "frame_stored_cut_bytes", "wire bytes of them that are in the store"),
    counter(23, "frame_cut_by_us_bytes", "wire bytes that were captured and not stored, of stored frames"),
    counter(24, "frame_cut_at_source_bytes", "wire bytes that were not captured, of stored frames"),
    counter(25, "frame_filtered", "frames not stored because the policy says so"),
    counter(26, "frame_filtered_bytes", "wire bytes of them"),
    counter(27, "frame_understated", "frames with more bytes captured than the source says the wire had"),
    counter(28, "frame_understated_bytes", "captured bytes beyond the wire bytes, of polled frames"),
    counter(29, "frame_stored_beyond_wire_bytes",
            "stored bytes beyond the wire bytes, which book 1 leaves out"),
    counter(30, "frame_decoded", "packets decoded: frames, and what they carry in tunnels"),
    counter(31, "frame_in_session", "frames counted in a session record"),
    counter(32, "frame_duplicate", "copies of frames, counted apart in session records"),
    counter(33, "frame_stored_lowered", "stored frames compressed less than configured, to keep up"),
    counter(34, "frame_stored_hurried", "stored frames not compressed at all, to keep up"),
    counter(35, "frame_cut_overload", "stored frames of large flows whose payload was left out, to keep up"),
    counter(36, "frame_cut_overload_bytes", "captured bytes of that payload"),
    counter(37, "frame_oversized", "polled frames longer than any Ethernet frame: put together by offloads"),
    counter(38, "frame_late", "polled frames captured a second or more before one that came earlier"),
    counter(39, "frame_in_attempt", "frames of attempts pushed out by a flood, in no session record"),
    counter(40, "frame_bad_checksum", "decoded frames with a wrong checksum of IP, TCP, UDP or ICMP"),
    counter(41, "clock_set", "times that the sensor's clock was set, by 0.1 s and more, while it recorded"),
    counter(42, "packet_inner", "decoded packets that were found in tunnels, each in addition to its frame"),
    counter(kDroppedColumns + 0, "frame_dropped_no_block", "frames dropped: all blocks were in use"),
    counter(kDroppedColumns + 1, "frame_dropped_io_error", "frames dropped: the disk refused"),
    counter(kDroppedColumns + 2, "frame_dropped_no_space", "frames dropped: the ring could not make room"),
    counter(kDroppedColumns + 3, "frame_dropped_overload", "frames dropped: shed to keep up"),
    counter(kDroppedColumns + 4, "frame_dropped_crash",
            "frames dropped: the sensor died with them in memory"),
    counter(kDroppedBytesColumns + 0, "frame_dropped_no_block_bytes", "wire bytes of frame_dropped_no_block"),
    counter(kDroppedBytesColumns + 1, "frame_dropped_io_error_bytes", "wire bytes of frame_dropped_io_error"),
    counter(kDroppedBytesColumns + 2, "frame_dropped_no_space_bytes", "wire bytes of frame_dropped_no_space"),
    counter(kDroppedBytesColumns + 3, "frame_dropped_overload_bytes", "wire bytes of frame_dropped_overload"),
    counter(kDroppedBytesColumns + 4, "frame_dropped_crash_bytes", "wire bytes of frame_dropped_crash"),
    counter(kNoSessionColumns + 0, "frame_no_session_ip", "IP frames without a session: none is expected"),
    counter(kNoSessionColumns + 1, "frame_no_session_arp", "ARP and RARP frames"),
    counter(kNoSessionColumns + 2, "frame_no_session_not_ip", "frames of another ethertype, LLC or SAP"),
    counter(kNoSessionColumns + 3, "frame_no_session_unknown_link_type", "frames of a link type not decoded"),
    counter(kNoSessionColumns + 4, "frame_no_session_truncated_link",
            "frames that end within the link layer"),
    counter(kNoSessionColumns + 5, "frame_no_session_truncated_ip", "frames that end within the IP header"),
    counter(kNoSessionColumns + 6, "frame_no_session_bad_ip_header",
            "frames whose IP header contradicts itself"),
}};
static_assert(kDecodeStatusCount == 7 && kDropCauseCount == 5, "a new number needs a counter above");

const std::array<ColumnSpec, kLedgerColumnCount> kLedgerColumns{{
    {kLedgerSecond,
     "second",
     kSigned,
     64,
     {.scale = false, .delta = true, .range = true},
     "second of order time since 1970"},
    {kLedgerPort, "port", ColumnType::kUnsigned, 16, {}, "interface of the source"},
    {kLedgerWorker, "worker", ColumnType::kUnsigned, 16, {}, "worker"},
    {kLedgerDeviceMeasured, "device_measured", ColumnType::kUnsigned, 1, {}, "1: device counters were read"},
    {kLedgerDeviceReceived,
     "device_received",
     ColumnType::kUnsigned,
     64,
     {.scale = false, .delta = true, .range = false},
     "frames received by the device, cumulative"},
    {kLedgerDeviceDropped,
     "device_dropped",
     ColumnType::kUnsigned,
     64,
     {.scale = false, .delta = true, .range = false},
     "frames dropped by device and kernel, cumulative"},
}};

const char* drop_cause_name(DropCause cause) {
  switch (cause) {
    case DropCause::kNoBlock:
      return "no_block";
    case DropCause::kIoError:
      return "io_error";
    case DropCause::kNoSpace:
      return "no_space";
    case DropCause::kOverload:
      return "overload";
    case DropCause::kCrash:
      return "crash";
  }
  return "unknown";
}

void LedgerCounts::add(const LedgerCounts& other) {
  for (std::size_t i = 0; i < values.size(); ++i) add(i, static_cast<std::uint64_t>(other.values[i]));
}

void LedgerCounts::add_polled(const Frame& frame) {
  add(kFramePolled, 1);
  add(kFramePolledCapturedBytes, frame.captured_bytes);
  add(kFramePolledWireBytes, frame.wire_bytes);
  const std::uint32_t beyond = frame.captured_bytes - clipped(frame, frame.captured_bytes);
  add(kFrameUnderstated, beyond > 0 ? 1 : 0);
  add(kFrameUnderstatedBytes, beyond);
  add(kFrameOversized, frame.wire_bytes > kEthernetFrameBytesMax ? 1 : 0);
  add(kFrameLate, saturating_difference(frame.order.time_ns, frame.time_ns) >= kNsPerSecond ? 1 : 0);
}

void LedgerCounts::add_stored(const Frame& frame, std::uint32_t stored_bytes) {
  const bool cut = stored_bytes < frame.captured_bytes;
  const std::uint32_t stored = clipped(frame, stored_bytes);
  const std::uint32_t captured = clipped(frame, frame.captured_bytes);
  add(cut ? kFrameStoredCut : kFrameStoredWhole, 1);
  add(cut ? kFrameStoredCutBytes : kFrameStoredWholeBytes, stored);
  add(kFrameCutByUsBytes, captured - stored);
  add(kFrameCutAtSourceBytes, frame.wire_bytes - captured);
  add(kFrameStoredBeyondWireBytes, stored_bytes - stored);
}

void LedgerCounts::add_filtered(const Frame& frame) {
  add(kFrameFiltered, 1);
  add(kFrameFilteredBytes, frame.wire_bytes);
}

void LedgerCounts::add_cut_overload(std::uint32_t bytes) {
  add(kFrameCutOverload, 1);
  add(kFrameCutOverloadBytes, bytes);
}

void LedgerCounts::add_dropped(const Frame& frame, DropCause cause) {
  add(kFrameDropped + static_cast<std::size_t>(cause), 1);
  add(kFrameDroppedBytes + static_cast<std::size_t>(cause), frame.wire_bytes);
}

std::int64_t LedgerTotals::sum(std::size_t first, std::size_t count) const {
  std::int64_t total = 0;
  for (std::size_t i = first; i < first + count; ++i) total = plus(total, counts_[i]);
  return total;
}

std::int64_t LedgerTotals::dropped_frames() const {
  return sum(kFrameDropped, kDropCauseCount);
}

std::int64_t LedgerTotals::dropped_bytes() const {
  return sum(kFrameDroppedBytes, kDropCauseCount);
}

std::int64_t LedgerTotals::no_session_frames() const {
  return sum(kFrameNoSession, kDecodeStatusCount);
}

Status LedgerTotals::check() const {
  const auto compare = [](const char* book, std::int64_t left, std::int64_t right) -> Status {
    if (left == right) return {};
    return Error{ErrorCode::kCorrupt,
                 fmt::format("ledger, {}: {} != {}, difference {}", book, left, right,
                             plus(left, static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(right))))};
  };
  const std::int64_t stored = plus(counts_[kFrameStoredWhole], counts_[kFrameStoredCut]);
  TAPLINE_TRY(compare("book 1 in frames: polled = stored + filtered + dropped", counts_[kFramePolled],
                      plus(plus(stored, counts_[kFrameFiltered]), dropped_frames())));
  const std::int64_t stored_bytes = plus(counts_[kFrameStoredWholeBytes], counts_[kFrameStoredCutBytes]);
  const std::int64_t cut_bytes = plus(counts_[kFrameCutByUsBytes], counts_[kFrameCutAtSourceBytes]);
  TAPLINE_TRY(
      compare("book 1 in bytes: wire = stored + cut + filtered + dropped", counts_[kFramePolledWireBytes],
              plus(plus(stored_bytes, cut_bytes), plus(counts_[kFrameFilteredBytes], dropped_bytes()))));
  TAPLINE_TRY(compare("book 3: decoded = polled + packets in tunnels", counts_[kFrameDecoded],
                      plus(counts_[kFramePolled], counts_[kPacketInner])));
  const std::int64_t of_sessions = plus(counts_[kFrameInSession], counts_[kFrameDuplicate]);
  return compare("book 3: decoded = in session + duplicates + in attempts + without session",
                 counts_[kFrameDecoded],
                 plus(plus(of_sessions, counts_[kFrameInAttempt]), no_session_frames()));
}

}  // namespace tapline::storage

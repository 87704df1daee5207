#include "capture/dpdk/mbuf_reader.hpp"

#include <rte_mbuf_dyn.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "capture/base/bytes.hpp"
#include "capture/base/check.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {
namespace {

constexpr std::uint64_t kTagsTakenOff = RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED;
constexpr std::uint32_t kAddressesBytes = 12;  // a tag stands behind the two addresses
constexpr std::uint32_t kTagBytes = 4;

struct Tags {
  std::array<std::uint8_t, 2 * kTagBytes> bytes;
  std::uint32_t count_bytes = 0;

  void add(std::uint16_t tag_protocol, std::uint16_t tag_control) {
    store_be16(&bytes[count_bytes], tag_protocol);
    store_be16(&bytes[count_bytes + 2], tag_control);
    count_bytes += kTagBytes;
  }
};

/// The driver keeps the contents of the tags, not their protocols: the standard's are put back (802.1Q, and
/// 802.1ad for an outer one).
Tags tags_taken_off(const rte_mbuf& mbuf) {
  Tags tags;
  if ((mbuf.ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED) != 0)
    tags.add(kEtherTypeServiceVlan, mbuf.vlan_tci_outer);
  if ((mbuf.ol_flags & kTagsTakenOff) != 0) tags.add(kEtherTypeVlan, mbuf.vlan_tci);
  return tags;
}

/// Copies `bytes` of a chain, from `offset` on.
void copy_chain(const rte_mbuf& chain, std::uint32_t offset, std::uint32_t bytes, std::uint8_t* out) {
  for (const rte_mbuf* part = &chain; part != nullptr && bytes > 0; part = part->next) {
    if (offset >= part->data_len) {
      offset -= part->data_len;
      continue;
    }
    const std::uint32_t part_bytes = std::min<std::uint32_t>(part->data_len - offset, bytes);
    std::memcpy(out, rte_pktmbuf_mtod_offset(part, const std::uint8_t*, offset), part_bytes);
    out += part_bytes;
    bytes -= part_bytes;
    offset = 0;
  }
}

}  // namespace

MbufReader::MbufReader(const MbufFormat& format)
    : format_(format), scratch_(new std::uint8_t[std::size_t{kBurstFramesMax} * format.frame_bytes_max]) {}

void MbufReader::read(std::span<rte_mbuf* const> mbufs, TimeNs clock_ns, std::span<Frame> frames) {
  TAPLINE_DCHECK(mbufs.size() <= frames.size() && mbufs.size() <= kBurstFramesMax);
  std::uint8_t* scratch = scratch_.get();
  for (std::size_t i = 0; i < mbufs.size(); ++i, scratch += format_.frame_bytes_max) {
    rte_mbuf& mbuf = *mbufs[i];
    Frame& frame = frames[i];
    frame.time_ns = time_of(mbuf, clock_ns);
    frame.link_type = kLinkEthernet;
    frame.port = format_.port;
    if (mbuf.nb_segs == 1 && (mbuf.ol_flags & kTagsTakenOff) == 0 && mbuf.data_len <= format_.frame_bytes_max)
        [[likely]] {
      frame.data = rte_pktmbuf_mtod(&mbuf, const std::uint8_t*);
      frame.captured_bytes = frame.wire_bytes = mbuf.data_len;
    } else {
      read_odd(mbuf, scratch, frame);
    }
  }
}

TimeNs MbufReader::time_of(const rte_mbuf& mbuf, TimeNs clock_ns) {
  if ((mbuf.ol_flags & format_.timestamp_flag) == 0) return clock_ns;
  const auto time =
      static_cast<TimeNs>(*RTE_MBUF_DYNFIELD(&mbuf, format_.timestamp_offset, const rte_mbuf_timestamp_t*));
  if (format_.clock == DeviceClock::kMicroseconds) return time * 1'000;
  // Unsigned, so that no counter of a device overflows the difference.
  const std::uint64_t ahead = static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(clock_ns) +
                              static_cast<std::uint64_t>(kDeviceClockOffsetMaxNs);
  if (ahead <= 2 * static_cast<std::uint64_t>(kDeviceClockOffsetMaxNs)) return time;
  ++counters_.device_times_refused;
  return clock_ns;
}

void MbufReader::read_odd(rte_mbuf& mbuf, std::uint8_t* scratch, Frame& frame) {
  const Tags tags = tags_taken_off(mbuf);
  const std::uint32_t bytes = mbuf.pkt_len + tags.count_bytes;
  frame.wire_bytes = bytes;
  frame.captured_bytes = std::min(bytes, format_.frame_bytes_max);
  counters_.frames_cut += frame.captured_bytes < bytes ? 1 : 0;
  counters_.frames_retagged += tags.count_bytes > 0 ? 1 : 0;
  counters_.frames_chained += mbuf.nb_segs > 1 ? 1 : 0;

  if (mbuf.nb_segs == 1 && tags.count_bytes == 0) {  // only cut
    frame.data = rte_pktmbuf_mtod(&mbuf, const std::uint8_t*);
    return;
  }
  const std::uint32_t front_bytes = tags.count_bytes == 0 ? 0 : std::min(kAddressesBytes, mbuf.pkt_len);
  if (mbuf.nb_segs == 1 && mbuf.data_off >= tags.count_bytes) {  // the addresses move into the headroom
    auto* front = rte_pktmbuf_mtod(&mbuf, std::uint8_t*) - tags.count_bytes;
    std::memmove(front, front + tags.count_bytes, front_bytes);
    std::memcpy(front + front_bytes, tags.bytes.data(), tags.count_bytes);
    frame.data = front;
    return;
  }
  frame.data = scratch;
  copy_chain(mbuf, 0, front_bytes, scratch);
  if (tags.count_bytes > 0) std::memcpy(scratch + front_bytes, tags.bytes.data(), tags.count_bytes);
  copy_chain(mbuf, front_bytes, frame.captured_bytes - front_bytes - tags.count_bytes,
             scratch + front_bytes + tags.count_bytes);
}

}  // namespace tapline

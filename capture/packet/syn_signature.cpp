#include "capture/packet/syn_signature.hpp"

#include <algorithm>
#include <optional>

#include "capture/base/bytes.hpp"
#include "capture/packet/header_bytes.hpp"
#include "capture/packet/protocol_numbers.hpp"
#include "capture/packet/tcp_flags.hpp"

namespace tapline {
namespace {

void set_if(SynSignature& signature, bool condition, SynFlag flag) {
  if (condition) signature.flags |= flag;
}

/// TCP options on their way into a signature. As in p0f an option with one fixed length takes that, whatever
/// its length field says (which is `bad`); where the other kinds' length cannot be, or an option ends behind
/// the header, the walk ends.
class OptionWalk {
 public:
  OptionWalk(Bytes options, bool is_answer, SynSignature& signature)
      : rest_(options), is_answer_(is_answer), signature_(signature) {}

  void run() {
    constexpr int kOptionsMax = 24;  // p0f looks at no more
    for (int count = 0; count < kOptionsMax && !rest_.empty(); ++count) step();
    set_if(signature_, !rest_.empty(), kSynOptionsBad);
  }

 private:
  enum Kind : std::uint8_t {
    kKindEnd = 0,
    kKindNop = 1,
    kKindMss = 2,
    kKindWindowScale = 3,
    kKindSackPermitted = 4,
    kKindSack = 5,
    kKindTimestamps = 8,
  };

  void step() {
    const std::uint8_t kind = rest_[0];
    rest_ = rest_.subspan(1);
    switch (kind) {
      case kKindEnd:
        return end();
      case kKindNop:
        return signature_.options.append(OptionLayout::kNop);
      case kKindMss:
        return mss();
      case kKindWindowScale:
        return window_scale();
      case kKindSackPermitted:
        signature_.options.append(OptionLayout::kSackPermitted);
        (void)take(2);
        return;
      case kKindSack:
        signature_.options.append(OptionLayout::kSack);
        return skip(10, 34);
      case kKindTimestamps:
        return timestamps();
      default:
        signature_.options.append(OptionLayout::kOther, kind);
        return skip(2, 40);
    }
  }

  void give_up() {
    rest_ = {};
    signature_.flags |= kSynOptionsBad;
  }

  // The content of an option of this length, which counts kind and length; none where it was not there.
  std::optional<Bytes> take(std::uint32_t bytes) {
    if (rest_.size() < bytes - 1) {
      give_up();
      return std::nullopt;
    }
    set_if(signature_, rest_[0] != bytes, kSynOptionsBad);
    const Bytes content = rest_.subspan(1, bytes - 2);
    rest_ = rest_.subspan(bytes - 1);
    return content;
  }

  void skip(std::uint32_t bytes_min, std::uint32_t bytes_max) {
    if (rest_.empty()) return give_up();
    const std::uint32_t bytes = rest_[0];
    if (bytes < bytes_min || bytes > bytes_max || rest_.size() < bytes - 1) return give_up();
    rest_ = rest_.subspan(bytes - 1);
  }

  void end() {
    signature_.options.append(OptionLayout::kEnd, static_cast<std::uint8_t>(rest_.size()));
    // p0f 3.09b does not look at the last byte.
    const auto zeros = std::find_if(rest_.begin(), rest_.end(), [](std::uint8_t byte) { return byte != 0; });
    set_if(signature_, rest_.end() - zeros > 1, kSynOptionsAfterEnd);
    rest_ = {};
  }

  void mss() {
    signature_.options.append(OptionLayout::kMss);
    if (const auto content = take(4)) signature_.mss = load_be16(content->data());
  }

  void window_scale() {
    constexpr std::uint8_t kScaleMax = 14;  // RFC 7323, section 2.3
    signature_.options.append(OptionLayout::kWindowScale);
    const auto content = take(3);
    if (!content) return;
    signature_.window_scale = content->front();
    set_if(signature_, content->front() > kScaleMax, kSynScaleExcessive);
  }

  void timestamps() {
    signature_.options.append(OptionLayout::kTimestamps);
    const auto content = take(10);
    if (!content) return;
    const bool own = load_be32(content->data()) != 0;
    signature_.flags &= ~std::uint32_t{kSynTimestamp};  // of several the last counts
    set_if(signature_, own, kSynTimestamp);
    set_if(signature_, !own, kSynTimestampZero);
    set_if(signature_, !is_answer_ && load_be32(content->data() + 4) != 0, kSynPeerTimestamp);
  }

  Bytes rest_;
  const bool is_answer_;
  SynSignature& signature_;
};

void read_ipv4(const std::uint8_t* ip, SynSignature& signature) {
  const std::uint16_t flags = load_be16(ip + 6);
  const bool whole = (flags & 0x4000) != 0;
  const bool id = load_be16(ip + 4) != 0;
  signature.ip_options_bytes = static_cast<std::uint8_t>((ip[0] & 0x0f) * 4u - kIpv4FixedBytes);
  set_if(signature, whole, kSynDontFragment);
  set_if(signature, whole && id, kSynIdWithDontFragment);
  set_if(signature, !whole && !id, kSynNoId);
  set_if(signature, (ip[1] & 3) != 0, kSynEcn);
  set_if(signature, (flags & 0x8000) != 0, kSynIpReserved);
}

void read_ipv6(const std::uint8_t* ip, std::uint32_t header_bytes, SynSignature& signature) {
  constexpr std::uint32_t kBytesMax = 255;
  const std::uint32_t version_class_label = load_be32(ip);
  signature.flags |= kSynIpv6;
  signature.ip_options_bytes = static_cast<std::uint8_t>(std::min(header_bytes - kIpv6FixedBytes, kBytesMax));
  set_if(signature, (version_class_label >> 20 & 3) != 0, kSynEcn);
  set_if(signature, (version_class_label & 0xfffff) != 0, kSynFlowLabel);
}

void read_tcp(const std::uint8_t* tcp, SynSignature& signature) {
  // p0f 3.09b looks at no other bit of a number that should be 0.
  constexpr std::uint32_t kAckBitOfP0f = 1 << 24;
  const std::uint8_t flags = tcp[13];
  const std::uint32_t ack_number = load_be32(tcp + 8);
  const bool ack = (flags & kTcpAck) != 0;
  const bool urgent = (flags & kTcpUrg) != 0;
  signature.window = load_be16(tcp + 14);
  // The lowest bit before the flags: ECN's nonce (RFC 3540).
  set_if(signature, (flags & (kTcpEce | kTcpCwr)) != 0 || (tcp[12] & 1) != 0, kSynEcn);
  set_if(signature, load_be32(tcp + 4) == 0, kSynSeqZero);
  set_if(signature, !ack && (ack_number & kAckBitOfP0f) != 0, kSynAckWithoutFlag);
  set_if(signature, ack && ack_number == 0, kSynAckZero);
  set_if(signature, urgent, kSynUrgent);
  set_if(signature, !urgent && load_be16(tcp + 18) != 0, kSynUrgentWithoutFlag);
  set_if(signature, (flags & kTcpPsh) != 0, kSynPush);
}

}  // namespace

SynSignature read_syn_signature(const Frame& frame, const PacketMeta& meta) {
  const bool syn = (meta.tcp_flags & (kTcpSyn | kTcpRst | kTcpFin)) == kTcpSyn;
  if (meta.ip_proto != kIpProtoTcp || !meta.has(kMetaL4) || meta.has(kMetaFragment) || !syn) return {};
  const std::uint8_t* const ip = frame.data + meta.l3_offset;
  const std::uint8_t* const tcp = frame.data + meta.l4_offset;
  const std::uint32_t tcp_bytes = (tcp[12] >> 4) * 4u;
  const std::uint32_t ip_end = meta.l3_offset + meta.ip_bytes;
  if (tcp_bytes < kTcpFixedBytes || meta.l4_offset + tcp_bytes > std::min(ip_end, frame.captured_bytes))
    return {};

  SynSignature signature;
  signature.ttl = meta.ttl;
  signature.tcp_header_bytes = static_cast<std::uint8_t>(tcp_bytes);
  if (meta.has(kMetaIpv4))
    read_ipv4(ip, signature);
  else
    read_ipv6(ip, meta.l4_offset - meta.l3_offset, signature);
  read_tcp(tcp, signature);
  set_if(signature, meta.payload_bytes != 0, kSynPayload);
  const Bytes options(tcp + kTcpFixedBytes, tcp_bytes - kTcpFixedBytes);
  OptionWalk(options, (meta.tcp_flags & kTcpAck) != 0, signature).run();
  return signature;
}

}  // namespace tapline

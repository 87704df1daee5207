// dns_dump FILE: one line a UDP datagram from or to port 53, 5353 or 5355 that begins with a DNS header, with
// what the parser found, tab-separated, for dns_tshark to compare. The first line names the columns. Lists
// are joined by commas; an answer that is not read has an empty place. A damaged file gives its whole
// frames, then its error on stderr and exit code 1.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "capture/content/dns_message.hpp"
#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace {

using namespace tapline;

constexpr const char* kColumns =
    "frame\tbytes\tcut\tstatus\tmessage_"
    "bytes\tid\tresponse\topcode\taa\ttc\trd\tra\trcode\tcounts\tquestion\t"
    "type\tclass\tleft_out\tanswer_types\tanswer_ttls\tanswer_data\tedns\n";

bool is_dns_port(std::uint16_t port) {
  return port == 53 || port == 5353 || port == 5355;
}

const char* status_name(DnsStatus status) {
  if (status == DnsStatus::kComplete) return "complete";
  return status == DnsStatus::kTruncated ? "truncated" : "not_dns";
}

std::string answer_data(const DnsMessage& message, const DnsAnswer& answer) {
  if (!answer.has_address) return std::string(message.text(answer.text));
  IpAddress address;
  address.bytes = answer.address;
  return format_wire_address(address, answer.type == kDnsTypeAaaa);
}

void print_message(std::uint64_t number, std::size_t bytes, bool is_cut, DnsStatus status,
                   const DnsMessage& message) {
  std::string types;
  std::string ttls;
  std::string data;
  for (std::size_t i = 0; i < message.answers_kept; ++i) {
    const DnsAnswer& answer = message.answers[i];
    const char* const comma = i == 0 ? "" : ",";
    types += fmt::format("{}{}", comma, answer.type);
    ttls += fmt::format("{}{}", comma, answer.ttl_s);
    data += fmt::format("{}{}", comma, answer.type == kDnsTypeTxt ? "" : answer_data(message, answer));
  }
  fmt::print(
      "{}\t{}\t{:d}\t{}\t{}\t{}\t{:d}\t{}\t{:d}\t{:d}\t{:d}\t{:d}\t{}\t{} {} {} "
      "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
      number, bytes, is_cut, status_name(status), message.message_bytes, message.id, message.is_response,
      message.opcode, message.aa, message.tc, message.rd, message.ra, message.rcode, message.question_count,
      message.answer_count, message.authority_count, message.additional_count,
      message.has_question ? message.text(message.question_name) : std::string_view(), message.question_type,
      message.question_class, message.answers_left_out, types, ttls, data,
      message.has_edns ? fmt::format("{}", message.edns_udp_bytes) : "");
}

void print_frame(std::uint64_t number, const Frame& frame, const PacketMeta& meta) {
  constexpr std::uint32_t kUdpHeaderBytes = 8;
  if (meta.status != DecodeStatus::kIp || meta.ip_proto != kIpProtoUdp || !meta.has(kMetaPorts)) return;
  if (!is_dns_port(meta.src_port) && !is_dns_port(meta.dst_port)) return;
  if (frame.captured_bytes < meta.payload_offset) return;
  // The datagram's own length bounds the message, where the IP length allows more.
  const std::uint32_t udp_bytes = load_be16(frame.data + meta.l4_offset + 4);
  std::uint32_t wire_bytes = meta.payload_bytes;
  if (udp_bytes >= kUdpHeaderBytes) wire_bytes = std::min(wire_bytes, udp_bytes - kUdpHeaderBytes);
  const std::uint32_t bytes = std::min(wire_bytes, frame.captured_bytes - meta.payload_offset);
  DnsMessage message;
  const DnsStatus status = parse_dns_message(Bytes(frame.data + meta.payload_offset, bytes), message);
  const bool is_cut = bytes < wire_bytes || meta.has(kMetaFragment);
  if (message.message_bytes > 0) print_message(number, bytes, is_cut, status, message);
}

int dump(FrameSource& source) {
  std::array<Frame, kBurstFramesMax> frames;
  std::array<PacketMeta, kBurstFramesMax> metas;
  std::uint64_t number = 0;
  for (bool end = false; !end;) {
    const auto polled = source.poll(frames);
    if (!polled) {
      fmt::print(stderr, "{}\n", polled.error().context);
      return 1;
    }
    end = polled->end;
    const std::size_t count = polled->frames;
    decode_burst(std::span(frames.data(), count), std::span(metas.data(), count));
    for (std::size_t i = 0; i < count; ++i) print_frame(++number, frames[i], metas[i]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: dns_dump FILE\n");
    return 2;
  }
  auto source = open_capture_file(argv[1]);
  if (!source) {
    fmt::print(stderr, "{}\n", source.error().context);
    return 1;
  }
  fmt::print("{}", kColumns);
  return dump(**source);
}

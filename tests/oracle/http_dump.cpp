// http_dump FILE: one line a TCP segment that begins, or may begin, with the head of an HTTP message (status
// no_line: its first line does not end in the segment), with what the parser found, tab-separated, for
// http_tshark to compare. The first line names the columns; bytes that are not plain ASCII, tabs and
// backslashes are \xHH. A damaged file gives its whole frames, then its error on stderr and exit code 1.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "capture/content/http_head.hpp"
#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace {

using namespace tapline;

constexpr const char* kColumns =
    "frame\tports\tbytes\tcut\tstatus\thead_"
    "bytes\tmethod\ttarget\tversion\tcode\treason\thost\tagent\treferer\ttype\t"
    "length\tbad_length\tchunked\n";

const char* status_name(HttpStatus status, const HttpHead& head) {
  if (head.kind == HttpKind::kNone) return "no_line";
  if (status == HttpStatus::kComplete) return "complete";
  return status == HttpStatus::kIncomplete ? "incomplete" : "too_long";
}

std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c >= 0x20 && c <= 0x7e && c != '\\')
      result += c;
    else
      result += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
  }
  return result;
}

void print_head(std::uint64_t number, const PacketMeta& meta, std::size_t bytes, HttpStatus status,
                const HttpHead& head) {
  const bool is_cut = bytes < meta.payload_bytes;
  fmt::print("{}\t{} {}\t{}\t{:d}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:d}\t{:d}\n", number,
             meta.src_port, meta.dst_port, bytes, is_cut, status_name(status, head), head.head_bytes,
             head.method, plain(head.target), head.version,
             head.kind == HttpKind::kResponse ? fmt::format("{}", head.status_code) : "", plain(head.reason),
             plain(head.host), plain(head.user_agent), plain(head.referer), plain(head.content_type),
             head.content_length ? fmt::format("{}", *head.content_length) : "", head.has_bad_length,
             head.is_chunked);
}

void print_frame(std::uint64_t number, const Frame& frame, const PacketMeta& meta) {
  if (meta.status != DecodeStatus::kIp || meta.ip_proto != kIpProtoTcp || !meta.has(kMetaL4)) return;
  if (meta.payload_bytes == 0 || frame.captured_bytes <= meta.payload_offset) return;
  const std::uint32_t bytes =
      std::min<std::uint32_t>(meta.payload_bytes, frame.captured_bytes - meta.payload_offset);
  HttpHead head;
  const HttpStatus status = parse_http_head(Bytes(frame.data + meta.payload_offset, bytes), head);
  if (status != HttpStatus::kNotHttp) print_head(number, meta, bytes, status, head);
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
    fmt::print(stderr, "usage: http_dump FILE\n");
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

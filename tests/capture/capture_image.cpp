#include "tests/capture/capture_image.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

namespace tapline {
namespace {

template <class T>
void put_ordered(ByteBuffer& out, T value, bool big_endian) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const std::size_t shift = 8 * (big_endian ? sizeof(T) - 1 - i : i);
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

std::vector<Bytes> pieces(Bytes bytes, std::size_t count) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = bytes.size() * i / count;
    out.push_back(bytes.subspan(begin, bytes.size() * (i + 1) / count - begin));
  }
  return out;
}

void gzip_member(ByteBuffer& out, Bytes bytes) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  ByteBuffer made(::deflateBound(&stream, bytes.size()) + 64);
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = made.data();
  stream.avail_out = static_cast<uInt>(made.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  put_bytes(out, Bytes(made).first(stream.total_out));
  ::deflateEnd(&stream);
}

}  // namespace

ByteBuffer pcap_header(const PcapStyle& style) {
  ByteBuffer out;
  put_ordered(out, style.magic, style.big_endian);
  put_ordered(out, style.version_major, style.big_endian);
  put_ordered(out, style.version_minor, style.big_endian);
  put_ordered(out, std::uint64_t{0}, style.big_endian);  // time zone and accuracy
  put_ordered(out, std::uint32_t{262'144}, style.big_endian);
  put_ordered(out, style.network, style.big_endian);
  return out;
}

void put_pcap_record(ByteBuffer& out, const PcapStyle& style, RawTime time, const ContractFrame& frame) {
  auto captured = static_cast<std::uint32_t>(frame.bytes.size());
  std::uint32_t wire = frame.wire_bytes;
  if (style.lengths_exchanged) std::swap(captured, wire);
  for (const std::uint32_t field : {time.seconds, time.fraction, captured, wire}) {
    put_ordered(out, field, style.big_endian);
  }
  if (style.magic == 0xa1b2'cd34) put_ordered(out, std::uint64_t{0x0102'0304'0506'0708}, style.big_endian);
  put_bytes(out, frame.bytes);
}

ByteBuffer pcap_image(std::span<const ContractFrame> frames, const PcapStyle& style) {
  ByteBuffer out = pcap_header(style);
  const std::uint32_t unit_ns = style.magic == 0xa1b2'3c4d ? 1 : 1'000;
  for (const ContractFrame& frame : frames) {
    const auto seconds = static_cast<std::uint32_t>(floor_seconds(frame.time_ns));
    put_pcap_record(out, style, {seconds, second_rest_ns(frame.time_ns) / unit_ns}, frame);
  }
  return out;
}

void PcapngImage::put16(ByteBuffer& out, std::uint16_t value) const {
  put_ordered(out, value, big_endian_);
}
void PcapngImage::put32(ByteBuffer& out, std::uint32_t value) const {
  put_ordered(out, value, big_endian_);
}

void PcapngImage::block(std::uint32_t type, Bytes body) {
  const std::size_t padding = (4 - body.size() % 4) % 4;
  const auto total = static_cast<std::uint32_t>(12 + body.size() + padding);
  put32(bytes, type);
  put32(bytes, total);
  put_bytes(bytes, body);
  bytes.resize(bytes.size() + padding);
  put32(bytes, total);
}

void PcapngImage::section(bool big_endian, std::uint16_t minor) {
  big_endian_ = big_endian;
  ByteBuffer body;
  put32(body, 0x1a2b'3c4d);
  put16(body, 1);
  put16(body, minor);
  put_ordered(body, ~std::uint64_t{0}, big_endian_);  // section length: not known
  block(0x0a0d'0d0a, body);
}

void PcapngImage::interface(std::uint16_t link_type, std::uint32_t snap_bytes, std::uint8_t resolution,
                            std::int64_t offset_s) {
  ByteBuffer body;
  put16(body, link_type);
  put16(body, 0);
  put32(body, snap_bytes);
  if (resolution != 6) {
    put16(body, 2);  // if_name, of 3 bytes and one of padding: to be stepped over
    put16(body, 3);
    put_bytes(body, std::array<std::uint8_t, 4>{'e', 't', 'h', 0});
    put16(body, 9);
    put16(body, 1);
    put_bytes(body, std::array<std::uint8_t, 4>{resolution, 0, 0, 0});
  }
  if (offset_s != 0) {
    put16(body, 14);
    put16(body, 8);
    put_ordered(body, static_cast<std::uint64_t>(offset_s), big_endian_);
  }
  if (body.size() > 8) put32(body, 0);  // end of options
  block(1, body);
}

void PcapngImage::enhanced(std::uint32_t interface_id, std::uint64_t count, const ContractFrame& frame) {
  ByteBuffer body;
  put32(body, interface_id);
  put32(body, static_cast<std::uint32_t>(count >> 32));
  put32(body, static_cast<std::uint32_t>(count));
  put32(body, static_cast<std::uint32_t>(frame.bytes.size()));
  put32(body, frame.wire_bytes);
  put_bytes(body, frame.bytes);
  body.resize((body.size() + 3) / 4 * 4);
  put16(body, 2);  // epb_flags
  put16(body, 4);
  put32(body, 1);
  put32(body, 0);
  block(6, body);
}

void PcapngImage::obsolete(std::uint16_t interface_id, std::uint64_t count, const ContractFrame& frame) {
  ByteBuffer body;
  put16(body, interface_id);
  put16(body, 3);  // drops
  put32(body, static_cast<std::uint32_t>(count >> 32));
  put32(body, static_cast<std::uint32_t>(count));
  put32(body, static_cast<std::uint32_t>(frame.bytes.size()));
  put32(body, frame.wire_bytes);
  put_bytes(body, frame.bytes);
  block(2, body);
}

void PcapngImage::simple(const ContractFrame& frame) {
  ByteBuffer body;
  put32(body, frame.wire_bytes);
  put_bytes(body, frame.bytes);
  block(3, body);
}

ByteBuffer gzip(Bytes bytes, std::size_t members) {
  ByteBuffer out;
  for (const Bytes piece : pieces(bytes, members)) gzip_member(out, piece);
  return out;
}

ByteBuffer zstd(Bytes bytes, std::size_t frames, bool skippable) {
  ByteBuffer out;
  const auto skip = [&] {
    if (!skippable) return;
    put_ordered(out, std::uint32_t{0x184d'2a57}, false);
    put_ordered(out, std::uint32_t{5}, false);
    put_bytes(out, std::array<std::uint8_t, 5>{1, 2, 3, 4, 5});
  };
  ZSTD_CCtx* const context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  for (const Bytes piece : pieces(bytes, frames)) {
    skip();
    ByteBuffer made(::ZSTD_compressBound(piece.size()));
    const std::size_t count = ::ZSTD_compress2(context, made.data(), made.size(), piece.data(), piece.size());
    REQUIRE(::ZSTD_isError(count) == 0);
    put_bytes(out, Bytes(made).first(count));
  }
  skip();
  ::ZSTD_freeCCtx(context);
  return out;
}

std::vector<ContractFrame> random_frames(std::uint64_t seed, std::size_t count, std::size_t bytes_max) {
  std::mt19937_64 random(seed);
  std::vector<ContractFrame> frames(count);
  TimeNs time_ns = 1'767'225'600 * kNsPerSecond;
  for (ContractFrame& frame : frames) {
    frame.bytes.resize(random() % 8 == 0 ? random() % 4 : random() % (bytes_max + 1));
    // Half of each frame repeats, so that compressed images have matches as well as literals.
    for (std::size_t i = 0; i < frame.bytes.size(); ++i) {
      frame.bytes[i] = i % 2 == 0 ? static_cast<std::uint8_t>(random()) : 0x42;
    }
    frame.wire_bytes =
        static_cast<std::uint32_t>(frame.bytes.size() + (random() % 4 == 0 ? random() % 9'000 : 0));
    if (random() % 6 != 0) time_ns += static_cast<TimeNs>(random() % 2'000'000) * 1'000;
    if (random() % 50 == 0) time_ns -= 3 * kNsPerSecond;
    frame.time_ns = time_ns;
  }
  return frames;
}

}  // namespace tapline

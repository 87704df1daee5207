// tls_dump FILE: one line a hello or certificate of TLS, DTLS and QUIC with what the parsers found,
// tab-separated, for tls_published to compare. The first line names the columns. Segments of a TCP stream are
// joined as long as they follow each other: a hello behind a lost or reordered segment is not seen. A damaged
// file gives what its whole frames hold, then its error on stderr and exit code 1.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <map>
#include <span>
#include <vector>

#include "capture/content/certificate.hpp"
#include "capture/content/quic_initial.hpp"
#include "capture/content/tls_records.hpp"
#include "capture/content/tls_server_hello.hpp"
#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "capture/packet/flow_key.hpp"

namespace {

using namespace tapline;

constexpr const char* kColumns =
    "frame\tpieces\tkind\ttransport\tsrc\tsrc_port\tdst\tdst_port\tversion\tserver_"
    "name\talpn\tja4\tcipher\tsubject\tissuer"
    "\tnot_before\tnot_after\tserial\tdns_names\tsha256\tflags\n";

std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte != 0x7f && byte != '\\')
      text += c;
    else
      text += fmt::format("\\x{:02x}", byte);
  }
  return text;
}

template <class List>
std::string joined(const List& list) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : ";") + shown(list[i]);
  return text;
}

/// What stands at the beginning of every line.
struct Place {
  std::uint64_t frame = 0;
  std::size_t pieces = 1;
  std::string ends;  // addresses and ports
};

void print_client(const Place& place, const char* transport, const TlsClientHello& hello) {
  fmt::print("{}\t{}\tclient\t{}\t{}\t{:04x}\t{}\t{}\t{}\t\t\t\t\t\t\t\t\t{}{}{}\n", place.frame,
             place.pieces, transport, place.ends, hello.offered_version, shown(hello.server_name.view()),
             joined(hello.alpn), hello.ja4.view(), hello.has_server_name ? "n" : "",
             hello.has_encrypted_hello ? "e" : "", hello.odd_extension ? "o" : "");
}

void print_server(const Place& place, const TlsServerHello& hello) {
  fmt::print("{}\t{}\tserver\ttcp\t{}\t{:04x}\t\t{}\t\t{}\t\t\t\t\t\t\t\t{}{}\n", place.frame, place.pieces,
             place.ends, hello.version, shown(hello.alpn.view()), hello.cipher,
             hello.is_retry_request ? "r" : "", hello.odd_extension ? "o" : "");
}

void print_certificate(const Place& place, const Certificate& certificate) {
  std::string digest;
  for (const std::uint8_t byte : certificate.sha256) digest += fmt::format("{:02x}", byte);
  fmt::print("{}\t{}\tcertificate\ttcp\t{}\t\t\t\t\t\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}{}\n", place.frame,
             place.pieces, place.ends, certificate.subject.view(), certificate.issuer.view(),
             certificate.not_before_s.value_or(0), certificate.not_after_s.value_or(0),
             certificate.serial_hex.view(), joined(certificate.dns_names), digest,
             certificate.odd_field ? "o" : "", certificate.dns_names.complete() ? "" : "c");
}

void print_sslv2(const Place& place, const TlsItem& item) {
  fmt::print("{}\t{}\tsslv2 client\ttcp\t{}\t{:04x}\t\t\t\t\t\t\t\t\t\t\t\t\n", place.frame, place.pieces,
             place.ends, item.version);
}

void print_kind(const Place& place, const char* kind, const char* transport) {
  fmt::print("{}\t{}\t{}\t{}\t{}\t\t\t\t\t\t\t\t\t\t\t\t\t\n", place.frame, place.pieces, kind, transport,
             place.ends);
}

/// One direction of a TCP connection, as long as its segments follow each other.
struct Stream {
  std::uint32_t next_seq = 0;
  std::vector<std::uint8_t> bytes;
  TlsPosition at;
  std::size_t pieces = 0;  // segments since the last item
  bool encrypted = false;  // after a change_cipher_spec
};

class Dump {
 public:
  explicit Dump(QuicInitialReader quic) : quic_(std::move(quic)) {}

  void add(const Frame& frame, const PacketMeta& meta) {
    ++place_.frame;
    if (meta.status != DecodeStatus::kIp || !meta.has(kMetaL4) || meta.has(kMetaFragment)) return;
    const std::size_t captured = frame.captured_bytes - meta.payload_offset;
    const Bytes payload(frame.data + meta.payload_offset,
                        std::min<std::size_t>(captured, meta.payload_bytes));
    if (payload.empty()) return;
    IpAddress addresses[2];
    load_addresses(frame, meta, addresses[0], addresses[1]);
    place_.ends = fmt::format("{}\t{}\t{}\t{}", format_address(addresses[0]), meta.src_port,
                              format_address(addresses[1]), meta.dst_port);
    if (meta.ip_proto == kIpProtoTcp) add_segment(payload, meta);
    if (meta.ip_proto == kIpProtoUdp) add_datagram(payload);
  }

 private:
  void add_segment(Bytes payload, const PacketMeta& meta) {
    Stream& stream = streams_[place_.ends];
    if (stream.bytes.empty() || stream.next_seq != meta.tcp_seq) stream = {};
    stream.bytes.insert(stream.bytes.end(), payload.begin(), payload.end());
    stream.next_seq = meta.tcp_seq + meta.payload_bytes;
    ++stream.pieces;
    if (!read_items(stream) || payload.size() < meta.payload_bytes) streams_.erase(place_.ends);
  }

  // False where nothing more can be read of the stream.
  bool read_items(Stream& stream) {
    for (;;) {
      const TlsItem item = next_tls_item(stream.bytes, stream.at, buffer_);
      if (item.kind == TlsItemKind::kIncomplete) return true;
      place_.pieces = stream.pieces;
      if (item.kind == TlsItemKind::kSslv2Hello) print_sslv2(place_, item);
      if (item.kind == TlsItemKind::kChangeCipherSpec) stream.encrypted = true;
      if (item.kind == TlsItemKind::kMessage) read_message(item, stream.encrypted);
      if (item.kind != TlsItemKind::kMessage && item.kind != TlsItemKind::kChangeCipherSpec) return false;
      stream.at = item.next;
      stream.pieces = 1;
    }
  }

  // Behind a change_cipher_spec only second hellos can be read, after a HelloRetryRequest.
  void read_message(const TlsItem& item, bool encrypted) {
    if (item.message_type == kTlsClientHelloType) {
      TlsClientHello hello;
      if (read_tls_client_hello(item.body, TlsTransport::kTcp, hello) == TlsHelloStatus::kOk)
        print_client(place_, "tcp", hello);
      else if (!encrypted)
        print_kind(place_, "malformed client", "tcp");
    } else if (item.message_type == kTlsServerHelloType) {
      TlsServerHello hello;
      if (read_tls_server_hello(item.body, hello) == TlsHelloStatus::kOk)
        print_server(place_, hello);
      else if (!encrypted)
        print_kind(place_, "malformed server", "tcp");
    } else if (item.message_type == kTlsCertificateType && !encrypted) {
      Certificate certificate;
      const CertificateStatus status = read_tls_certificate(item.body, certificate);
      if (status == CertificateStatus::kOk) print_certificate(place_, certificate);
      if (status == CertificateStatus::kMalformed) print_kind(place_, "malformed certificate", "tcp");
      if (status == CertificateStatus::kNone) print_kind(place_, "empty certificate", "tcp");
    }
  }

  void add_datagram(Bytes payload) {
    place_.pieces = 1;
    read_dtls(payload);
    auto [at, is_new] = hellos_.try_emplace(place_.ends);
    ++at->second.pieces;
    place_.pieces = at->second.pieces;
    TlsClientHello hello;
    const QuicInitialStatus status = quic_.read(payload, at->second.state, hello);
    if (status == QuicInitialStatus::kHello) print_client(place_, "quic", hello);
    if (status == QuicInitialStatus::kMalformed) print_kind(place_, "malformed client", "quic");
    if (status == QuicInitialStatus::kTooLong) print_kind(place_, "malformed long", "quic");
    const bool goes_on =
        status == QuicInitialStatus::kIncomplete ||
        (!is_new && (status == QuicInitialStatus::kNoInitial || status == QuicInitialStatus::kNotQuic));
    if (!goes_on) hellos_.erase(at);
  }

  // A ClientHello that lies in one piece at the beginning of a datagram (RFC 6347, sections 4.1 and 4.2.2).
  void read_dtls(Bytes payload) {
    constexpr std::size_t kRecordBytes = 13;
    constexpr std::size_t kHeaderBytes = kRecordBytes + 12;
    if (payload.size() < kHeaderBytes || payload[0] != 22 || payload[1] != 0xfe) return;
    const std::uint8_t* const message = payload.data() + kRecordBytes;
    const std::uint32_t bytes = load_be32(message) & 0xffffff;
    const std::uint32_t fragment_offset =
        load_be32(message + 5) & 0xffffff;  // the byte before is of the sequence
    const std::uint32_t fragment_bytes = load_be32(message + 8) & 0xffffff;
    if (message[0] != kTlsClientHelloType || fragment_offset != 0 || fragment_bytes != bytes) return;
    if (payload.size() - kHeaderBytes < bytes) return;
    TlsClientHello hello;
    if (read_tls_client_hello(payload.subspan(kHeaderBytes, bytes), TlsTransport::kDtls, hello) ==
        TlsHelloStatus::kOk)
      print_client(place_, "dtls", hello);
    else
      print_kind(place_, "malformed client", "dtls");
  }

  struct QuicHello {
    QuicInitialState state;
    std::size_t pieces = 0;
  };

  Place place_;
  QuicInitialReader quic_;
  TlsMessageBuffer buffer_{};
  std::map<std::string, Stream> streams_;
  std::map<std::string, QuicHello> hellos_;
};

int dump(FrameSource& source, Dump& dump) {
  std::array<Frame, kBurstFramesMax> frames;
  std::array<PacketMeta, kBurstFramesMax> metas;
  for (bool end = false; !end;) {
    const auto polled = source.poll(frames);
    if (!polled) {
      fmt::print(stderr, "{}\n", polled.error().context);
      return 1;
    }
    end = polled->end;
    const std::size_t count = polled->frames;
    decode_burst(std::span(frames.data(), count), std::span(metas.data(), count));
    for (std::size_t i = 0; i < count; ++i) dump.add(frames[i], metas[i]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: tls_dump FILE\n");
    return 2;
  }
  auto source = open_capture_file(argv[1]);
  auto quic = QuicInitialReader::open();
  if (!source || !quic) {
    fmt::print(stderr, "{}\n", source ? quic.error().context : source.error().context);
    return 1;
  }
  fmt::print("{}", kColumns);
  Dump all(std::move(*quic));
  return dump(**source, all);
}

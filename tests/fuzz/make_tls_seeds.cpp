// make_tls_seeds FOLDER: writes the seeds of tls_hello, certificate and quic_initial below FOLDER.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/content/certificate_builder.hpp"
#include "tests/content/quic_protect.hpp"

namespace {

using namespace tapline;
using namespace tapline::test;

std::filesystem::path folder;

void write(const std::string& target, const std::string& name, const Octets& bytes) {
  std::filesystem::create_directories(folder / target);
  std::ofstream file(folder / target / ("make_" + name), std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void write_tls() {
  const Octets hello = handshake(1, chrome_hello());
  const Octets half(hello.begin(), hello.begin() + 200);
  const Octets rest(hello.begin() + 200, hello.end());
  write("tls_hello", "client", record(22, hello, 0x0301));
  write("tls_hello", "client_in_two_records", join(record(22, half), record(22, rest), record(20, u8(1))));
  write("tls_hello", "client_body", chrome_hello());
  write("tls_hello", "client_body_odd",
        client_hello(0x0301, {0x0a0a, 5},
                     join(extension(0, vec16(u8(0))), extension(16, vec16({0})), supported_versions({}),
                          extension(0xfe0d))));
  write("tls_hello", "client_body_dtls",
        client_hello(0xfefd, {0xc02b}, supported_versions({0xfefc}), vec8(Octets(20))));
  const Octets server = join(handshake(2, server_hello(0x0303, 0xc02f, alpn({"h2"}))),
                             handshake(11, vec24({})), handshake(14, {}));
  write("tls_hello", "server", join(record(22, server), record(20, u8(1)), record(22, Octets(40, 0xe7))));
  write("tls_hello", "server_13",
        join(record(22, handshake(2, server_hello(0x0303, 0x1301, extension(43, u16(0x0304))))),
             record(20, u8(1)), record(23, Octets(50))));
  write("tls_hello", "server_body_draft", join(u16(0x7f12), Octets(32), u16(0x1301), vec16({})));
  write("tls_hello", "alerts", join(record(21, {1, 0}), record(21, {2, 40}), record(24, Octets(9))));
  write("tls_hello", "ssl2", join(Octets{0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16}, Octets(22, 0x77)));
  write("tls_hello", "too_long", record(22, {11, 0, 0x40, 1}));
}

void write_certificates() {
  write("certificate", "openssl", openssl_certificate());
  write("certificate", "message", certificate_message({openssl_certificate(), CertificateParts().bytes()}));
  write("certificate", "parts", CertificateParts().bytes());
  CertificateParts strings;
  strings.subject = join(name_part(common_name_oid(), der(30, {0, 'K', 0x20, 0xac})),
                         name_part(common_name_oid(), der(28, {0, 1, 0xf6, 0})),
                         name_part(common_name_oid(), der(20, {0xf6})),
                         name_part(der(6, {0x88, 0x37, 3}), der(12, text("x"))),
                         der(0x31, join(sequence(join(common_name_oid(), der(12, text(" #,+\n ")))),
                                        sequence(join(common_name_oid(), der(2, {7}))))));
  strings.not_before = der(0x17, text("0002290000Z"));
  write("certificate", "strings", strings.bytes());
  CertificateParts bare;
  bare.after_key = der(0x81, {0, 1});
  bare.serial = der(2, {0, 0x80});
  write("certificate", "bare", bare.bytes());
}

Octets entry(std::uint8_t flags, const Octets& bytes) {
  return join(u8(flags), u8(bytes.size() & 0xff), u8(bytes.size() >> 8), bytes);
}

void write_quic() {
  const Octets hello = handshake(1, chrome_hello());
  const Octets first = crypto_frame(hello, 0, 150);
  const Octets second = crypto_frame(hello, 150, hello.size() - 150);
  const Octets ack = {2, 5, 1, 1, 0, 1, 2};
  const Octets ack_ecn = {3, 5, 0, 0, 0, 1, 2, 3};
  write("quic_initial", "one", entry(0, crypto_frame(hello)));
  write("quic_initial", "v2", entry(0x42, crypto_frame(hello)));
  write("quic_initial", "draft_29", entry(0x84, crypto_frame(hello)));
  write("quic_initial", "two_datagrams", join(entry(0, join(second, Octets(9))), entry(0x18, first)));
  write("quic_initial", "two_packets", join(entry(32, join(first, ack)), entry(0xc0, join(u8(1), second))));
  write("quic_initial", "out_of_order", entry(0, join(second, ack_ecn, u8(1), first, Octets{0x1c, 0})));
  write("quic_initial", "retry", join(entry(0, first), entry(8, crypto_frame(hello))));
  write("quic_initial", "raw", entry(1, quic_initial(crypto_frame(hello))));
  write("quic_initial", "raw_zero_rtt",
        entry(1, join(u8(0xd0), number(4, kQuicV1), vec8(InitialFields().destination_id), vec8({}),
                      quic_varint(30), Octets(30))));
  write("quic_initial", "other_version",
        entry(1, join(u8(0xc3), number(4, 0xff00001b), vec8(Octets(8)), vec8({}), Octets(20))));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_tls_seeds FOLDER\n");
    return 2;
  }
  folder = argv[1];
  write_tls();
  write_certificates();
  write_quic();
  return 0;
}

// quic_initial: datagrams of one connection. A fuzzer cannot guess a tag, a client can compute one: most
// datagrams are given as the frames of an Initial packet, which is then protected as a client does it.
//
// Each datagram is a byte of flags, two of length (little endian, at most 2,047), and its bytes. Flags: 1 as
// it is, 2 QUIC version 2, 4 draft 29, 8 another connection id, 16 with the keys of the first one, 32 in the
// same datagram as the next; the highest two the length of the packet number.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "capture/content/quic_initial.hpp"
#include "tests/content/quic_protect.hpp"

namespace {

using namespace tapline;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "quic_initial_fuzz: %s\n", what);
  std::abort();
}

test::Octets protect(std::uint8_t flags, test::Octets frames) {
  if ((flags & 1) != 0) return frames;
  if (frames.size() < 4) frames.resize(4);  // or there is no sample
  test::InitialFields fields;
  fields.version = (flags & 2) != 0 ? kQuicV2 : (flags & 4) != 0 ? kQuicDraft29 : kQuicV1;
  fields.number_bytes = (flags >> 6) + 1u;
  if ((flags & 8) != 0) {
    if ((flags & 16) != 0) fields.keys_of = fields.destination_id;
    fields.destination_id = test::Octets(5, 0x77);
  }
  return test::quic_initial(frames, fields);
}

QuicInitialReader& reader() {
  static QuicInitialReader one = std::move(*QuicInitialReader::open());
  return one;
}

void read(const test::Octets& datagram, QuicInitialState& state, bool sealed_here) {
  const test::ExactBytes exact(datagram);
  TlsClientHello hello;
  const std::uint32_t prefix_bytes = state.prefix_bytes;
  const QuicKeys keys = state.keys;
  const QuicInitialStatus status = reader().read(exact.bytes(), state, hello);
  require((status == QuicInitialStatus::kHello) ==
                  (hello.extension_count + hello.cipher_count + hello.legacy_version != 0) ||
              status == QuicInitialStatus::kHello,
          "a hello that was not there");
  require(state.prefix_bytes <= kQuicHelloBytesMax, "a prefix beyond the buffer");
  require(state.prefix_bytes >= prefix_bytes || keys.key != state.keys.key, "a prefix that became shorter");
  require(status != QuicInitialStatus::kIncomplete || state.has_keys, "a packet was opened without keys");
  require(!sealed_here || status != QuicInitialStatus::kNotQuic, "an Initial packet that is not QUIC");
  for (std::uint32_t i = 0; i < state.prefix_bytes; ++i)
    require((state.present[i / 64] >> (i % 64) & 1) != 0, "a hole in the prefix");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kDatagramsMax = 16;
  constexpr std::size_t kHeaderBytes = 3;
  QuicInitialState state;
  test::Octets datagram;
  bool sealed_here = true;
  for (std::size_t i = 0; i < kDatagramsMax && size >= kHeaderBytes; ++i) {
    const std::uint8_t flags = data[0];
    const std::size_t bytes =
        std::min<std::size_t>(load_le<std::uint16_t>(data + 1) & 0x7ff, size - kHeaderBytes);
    datagram =
        test::join(datagram, protect(flags, test::Octets(data + kHeaderBytes, data + kHeaderBytes + bytes)));
    if (datagram.empty() || (flags & 1) != 0) sealed_here = false;
    data += kHeaderBytes + bytes;
    size -= kHeaderBytes + bytes;
    if ((flags & 32) != 0) continue;
    read(datagram, state, sealed_here);
    datagram.clear();
    sealed_here = true;
  }
  return 0;
}

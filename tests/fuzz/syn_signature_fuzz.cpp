// syn_signature: a packet of any bytes beginning at its IP header; and a signature of any bytes, as a file
// may hold it.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "capture/packet/decode.hpp"
#include "capture/packet/syn_signature.hpp"

namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "syn_signature_fuzz: %s\n", what);
  std::abort();
}

void show(const tapline::SynSignature& signature) {
  const std::string text = tapline::p0f_text(signature, &signature);
  require(text.empty() != signature.exists(), "a signature without text, or a text without signature");
  std::size_t colons = 0;
  for (const char c : text) colons += c == ':' ? 1 : 0;
  require(text.empty() || colons == 7, "a text has another number of fields than eight");
}

void show_stored(const std::uint8_t* data, std::size_t size) {
  tapline::SynSignature signature;
  std::memcpy(&signature, data, size < sizeof signature ? size : sizeof signature);
  show(signature);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapline;
  const auto copy = std::make_unique<std::uint8_t[]>(size);  // exactly as long as the frame
  for (std::size_t i = 0; i < size; ++i) copy[i] = data[i];
  Frame frame;
  frame.data = copy.get();
  frame.captured_bytes = static_cast<std::uint32_t>(size);
  frame.wire_bytes = frame.captured_bytes;
  frame.link_type = kLinkRaw;
  PacketMeta meta;
  decode_burst(std::span(&frame, 1), std::span(&meta, 1));
  show(read_syn_signature(frame, meta));
  show_stored(data, size);
  return 0;
}

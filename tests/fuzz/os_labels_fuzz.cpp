// os_labels: a file of fingerprints; then a signature of the input's last bytes is looked up in it.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "tools/os_labels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tapline;
  const auto copy = std::make_unique<char[]>(size);  // exactly as long as the file
  std::copy_n(data, size, copy.get());
  const Result<tools::OsLabels> labels = tools::OsLabels::parse({copy.get(), size}, "input");
  if (!labels) return 0;
  SynSignature signature;
  const std::size_t bytes = std::min(size, sizeof signature);
  std::memcpy(&signature, data + size - bytes, bytes);
  static_cast<void>(labels->of_syn(signature));
  static_cast<void>(labels->of_syn_ack(signature, &signature));
  return 0;
}

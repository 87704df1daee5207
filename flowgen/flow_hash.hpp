#pragma once
// FlowHash: seeded hash of a flow key, for the table's own index only. Multiply and fold (as wyhash and
// Mum-hash do), keyed with secrets so that nobody outside can construct keys that fall into one bucket.

#include <sys/random.h>

#include <array>
#include <cstdint>

#include "capture/base/bytes.hpp"
#include "capture/base/file.hpp"
#include "capture/packet/flow_key.hpp"

namespace tapline::flowgen {

/// A seed that nobody outside knows. kIo where the kernel has none.
inline Result<std::uint64_t> random_hash_seed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) == sizeof seed) return seed;
  return io_error("read random bytes from", "the kernel");
}

class FlowHash {
 public:
  explicit FlowHash(std::uint64_t seed) {
    for (auto& secret : secrets_) secret = split_mix(seed) | 1;
  }

  std::uint64_t operator()(const FlowKey& key) const noexcept {
    return (*this)(key, pack(key.port_a, key.port_b, key.tunnel_id), key.ip_proto);
  }

  /// For a key that has just been written, with its smaller members from elsewhere: one wide load over
  /// several narrow stores would wait for all of them (15 cycles a packet, measured).
  std::uint64_t operator()(const FlowKey& key, std::uint64_t ports_and_tunnel,
                           std::uint8_t ip_proto) const noexcept {
    const std::uint8_t* const a = key.address_a.bytes.data();
    const std::uint8_t* const b = key.address_b.bytes.data();
    std::uint64_t addresses;
    if ((key.flags & kKeyIpv6) == 0) [[likely]] {
      // Of ::ffff:a.b.c.d only the last four bytes differ.
      addresses = std::uint64_t{load_le<std::uint32_t>(a + 12)} << 32 | load_le<std::uint32_t>(b + 12);
    } else {
      addresses = fold(load_le<std::uint64_t>(a) ^ secrets_[3], load_le<std::uint64_t>(a + 8) ^ secrets_[4]) ^
                  fold(load_le<std::uint64_t>(b) ^ secrets_[5], load_le<std::uint64_t>(b + 8) ^ secrets_[6]);
    }
    return fold(fold(addresses ^ secrets_[0], ports_and_tunnel ^ secrets_[1]) ^ ip_proto, secrets_[2]);
  }

  static std::uint64_t pack(std::uint16_t port_a, std::uint16_t port_b, std::uint32_t tunnel_id) {
    return port_a | std::uint64_t{port_b} << 16 | std::uint64_t{tunnel_id} << 32;
  }

  /// Of a frame: the hash of its flow and words of its own.
  std::uint64_t mix(std::uint64_t flow_hash, const std::array<std::uint64_t, 4>& words) const noexcept {
    return fold(flow_hash ^ words[0], words[1] ^ secrets_[3]) ^
           fold(words[2] ^ secrets_[4], words[3] ^ secrets_[5]);
  }

 private:
  static std::uint64_t fold(std::uint64_t x, std::uint64_t y) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  // SplitMix64 (Steele, Lea, Flood 2014): spreads one seed over the secrets.
  static std::uint64_t split_mix(std::uint64_t& state) {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::array<std::uint64_t, 7> secrets_;
};
}  // namespace tapline::flowgen

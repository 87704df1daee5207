#pragma once
// BucketIndex: hash -> flow number. Buckets of one cache line with eight places of {16-bit tag, flow number},
// half full on average. An insertion that finds its bucket full goes on to the next and leaves a count in
// every bucket it passed, so that a look-up stops where nothing passed; a removal takes the counts back. No
// tombstones, no rehashing.

#include <emmintrin.h>

#include <cstdint>

#include "capture/base/result.hpp"
#include "flowgen/flow_entry.hpp"
#include "flowgen/mapped_array.hpp"

namespace tapline::flowgen {

inline constexpr std::uint32_t kBucketPlaces = 8;

struct alignas(64) Bucket {
  std::uint16_t tags[kBucketPlaces];  // 0: empty
  std::uint32_t flows[kBucketPlaces];
  std::uint32_t passed;  // flows of this or an earlier bucket that are in a later one
  std::uint32_t reserved[3];
};
static_assert(sizeof(Bucket) == 64);

/// Bit i set where tags[i] == tag. The plain twin of match_tags(), its oracle in tests.
std::uint32_t match_tags_plain(const Bucket& bucket, std::uint16_t tag);

inline std::uint32_t match_tags(const Bucket& bucket, std::uint16_t tag) {
  const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags));
  const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<std::int16_t>(tag)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
}

class BucketIndex {
 public:
  /// Room for twice `flows_max` flows at least, so that an insertion always finds a place.
  static Result<BucketIndex> create(std::uint32_t flows_max);

  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&buckets_[home_of(hash)], 0); }

  /// The first flow with this tag in the home bucket, or kNoFlow: nearly always the one, but only its key can
  /// say.
  std::uint32_t candidate(std::uint64_t hash) const {
    const Bucket& bucket = buckets_[home_of(hash)];
    const std::uint32_t places = match_tags(bucket, tag_of(hash));
    return places == 0 ? kNoFlow : bucket.flows[__builtin_ctz(places)];
  }

  /// The flow for which `is_it(flow)` holds, or kNoFlow.
  template <class IsIt>
  std::uint32_t find(std::uint64_t hash, IsIt is_it) const {
    const std::uint16_t tag = tag_of(hash);
    std::uint32_t at = home_of(hash);
    for (std::uint32_t walked = 0; walked < bucket_count_; ++walked) {
      const Bucket& bucket = buckets_[at];
      for (std::uint32_t places = match_tags(bucket, tag); places != 0; places &= places - 1) {
        const std::uint32_t flow = bucket.flows[__builtin_ctz(places)];
        if (is_it(flow)) return flow;
      }
      if (bucket.passed == 0) break;
      at = after(at);
    }
    return kNoFlow;
  }

  /// Not twice, and no more than twice flows_max.
  void insert(std::uint64_t hash, std::uint32_t flow);
  /// Only what is in.
  void erase(std::uint64_t hash, std::uint32_t flow);
  void replace(std::uint64_t hash, std::uint32_t flow, std::uint32_t successor);

  bool take_pages() { return buckets_.take_pages(); }
  std::size_t memory_bytes() const { return buckets_.memory_bytes(); }

 private:
  struct Place {
    std::uint32_t bucket;
    std::uint32_t index;
  };

  // Not a remainder: no division, and any number of buckets (Lemire, "Fast random integer generation", 2019).
  std::uint32_t home_of(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(((hash >> 32) * bucket_count_) >> 32);
  }
  static std::uint16_t tag_of(std::uint64_t hash) {
    const auto low = static_cast<std::uint16_t>(hash);
    return static_cast<std::uint16_t>(low + (low == 0));
  }
  std::uint32_t after(std::uint32_t bucket) const { return bucket + 1 == bucket_count_ ? 0 : bucket + 1; }
  Place locate(std::uint64_t hash, std::uint32_t flow) const;

  MappedArray<Bucket> buckets_;
  std::uint32_t bucket_count_ = 0;
};

}  // namespace tapline::flowgen

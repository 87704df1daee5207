#include "flowgen/bucket_index.hpp"

#include <algorithm>

#include "capture/base/check.hpp"

namespace tapline::flowgen {

std::uint32_t match_tags_plain(const Bucket& bucket, std::uint16_t tag) {
  std::uint32_t places = 0;
  for (std::uint32_t i = 0; i < kBucketPlaces; ++i) places |= std::uint32_t{bucket.tags[i] == tag} << i;
  return places;
}

Result<BucketIndex> BucketIndex::create(std::uint32_t flows_max) {
  constexpr std::uint32_t kMeanLoad = kBucketPlaces / 2;
  BucketIndex index;
  index.bucket_count_ = flows_max / kMeanLoad + 1;
  auto buckets = MappedArray<Bucket>::create(index.bucket_count_);
  if (!buckets) return buckets.error();
  index.buckets_ = std::move(*buckets);
  return index;
}

void BucketIndex::insert(std::uint64_t hash, std::uint32_t flow) {
  std::uint32_t at = home_of(hash);
  for (std::uint32_t walked = 0; walked < bucket_count_; ++walked) {
    Bucket& bucket = buckets_[at];
    const std::uint32_t empty = match_tags(bucket, 0);
    if (empty != 0) {
      const int place = __builtin_ctz(empty);
      bucket.tags[place] = tag_of(hash);
      bucket.flows[place] = flow;
      return;
    }
    ++bucket.passed;
    at = after(at);
  }
  TAPLINE_CHECK(!"bucket index overfull");
}

BucketIndex::Place BucketIndex::locate(std::uint64_t hash, std::uint32_t flow) const {
  std::uint32_t at = home_of(hash);
  for (std::uint32_t walked = 0; walked < bucket_count_; ++walked) {
    const Bucket& bucket = buckets_[at];
    for (std::uint32_t places = match_tags(bucket, tag_of(hash)); places != 0; places &= places - 1) {
      const auto place = static_cast<std::uint32_t>(__builtin_ctz(places));
      if (bucket.flows[place] == flow) return {at, place};
    }
    at = after(at);
  }
  TAPLINE_CHECK(!"flow not in the bucket index");
  __builtin_unreachable();
}

void BucketIndex::erase(std::uint64_t hash, std::uint32_t flow) {
  const Place place = locate(hash, flow);
  buckets_[place.bucket].tags[place.index] = 0;
  for (std::uint32_t at = home_of(hash); at != place.bucket; at = after(at)) --buckets_[at].passed;
}

void BucketIndex::replace(std::uint64_t hash, std::uint32_t flow, std::uint32_t successor) {
  const Place place = locate(hash, flow);
  buckets_[place.bucket].flows[place.index] = successor;
}

}  // namespace tapline::flowgen

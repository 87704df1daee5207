#include "flowgen/tcp_holes.hpp"

#include <algorithm>

namespace tapline::flowgen {
namespace {

std::uint32_t later(std::uint32_t a, std::uint32_t b) {
  return sequence_distance(a, b) > 0 ? b : a;
}
std::uint32_t earlier(std::uint32_t a, std::uint32_t b) {
  return sequence_distance(a, b) > 0 ? a : b;
}

}  // namespace

void TcpHoles::give_up_oldest() {
  constexpr std::uint64_t k48Bits = (std::uint64_t{1} << 48) - 1;
  given_up_bytes_ = (given_up_bytes_ + holes_[0].bytes()) & k48Bits;
  std::copy(holes_.begin() + 1, holes_.end(), holes_.begin());
  --count_;
}

void TcpHoles::give_up_far_from(std::uint32_t next) {
  while (count_ != 0 && sequence_distance(holes_[0].begin, next) <= 0) give_up_oldest();
}

void TcpHoles::add(std::uint32_t begin, std::uint32_t end) {
  if (count_ == kMax) give_up_oldest();
  holes_[count_] = {begin, end};
  ++count_;
}

void TcpHoles::add_below(std::uint32_t begin, std::uint32_t end) {
  if (count_ == kMax) give_up_oldest();
  std::copy_backward(holes_.begin(), holes_.begin() + count_, holes_.begin() + count_ + 1);
  holes_[0] = {begin, end};
  ++count_;
}

std::uint32_t TcpHoles::fill(std::uint32_t begin, std::uint32_t end) {
  std::uint32_t filled_bytes = 0;
  std::array<Hole, 2 * kMax> left{};
  std::size_t left_count = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Hole hole = holes_[i];
    const Hole seen{later(begin, hole.begin), earlier(end, hole.end)};
    if (sequence_distance(seen.begin, seen.end) <= 0) {
      left[left_count++] = hole;
      continue;
    }
    filled_bytes += seen.bytes();
    if (seen.begin != hole.begin) left[left_count++] = {hole.begin, seen.begin};
    if (seen.end != hole.end) left[left_count++] = {seen.end, hole.end};
  }
  count_ = 0;
  for (std::size_t i = 0; i < left_count; ++i) add(left[i].begin, left[i].end);
  return filled_bytes;
}

std::uint32_t TcpHoles::begun_between(std::uint32_t begin, std::uint32_t end) const {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (sequence_distance(begin, holes_[i].begin) >= 0 && sequence_distance(holes_[i].begin, end) > 0)
      ++count;
  }
  return count;
}

std::uint64_t TcpHoles::bytes_below(std::uint32_t end) const {
  std::uint64_t bytes = given_up_bytes_;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::int32_t below = sequence_distance(holes_[i].begin, end);
    if (below > 0) bytes += std::min(static_cast<std::uint32_t>(below), holes_[i].bytes());
  }
  return bytes;
}

std::uint32_t TcpHoles::seen_end(std::uint32_t next) const {
  return count_ != 0 && holes_[count_ - 1].end == next ? holes_[count_ - 1].begin : next;
}

}  // namespace tapline::flowgen

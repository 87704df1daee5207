#pragma once
// Runs a classic BPF program over a frame as the kernel does (Linux, Documentation/networking/filter.rst): a
// load beyond the frame ends it with 0. Knows what fan-out programs use; anything else throws.

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace tapline {

class ClassicBpf {
 public:
  ClassicBpf(std::span<const sock_filter> program, std::span<const std::uint8_t> frame)
      : program_(program), frame_(frame) {}

  std::uint32_t run() {
    for (std::size_t at = 0;;) {
      const sock_filter& instruction = program_[at++];
      switch (BPF_CLASS(instruction.code)) {
        case BPF_LD:
          if (!load(instruction)) return 0;
          break;
        case BPF_LDX:
          x_ = BPF_MODE(instruction.code) == BPF_MEM ? memory_.at(instruction.k) : instruction.k;
          break;
        case BPF_ST:
          memory_.at(instruction.k) = a_;
          break;
        case BPF_ALU:
          compute(instruction);
          break;
        case BPF_JMP:
          at += jump_distance(instruction);
          break;
        case BPF_MISC:
          (BPF_MISCOP(instruction.code) == BPF_TAX ? x_ : a_) =
              BPF_MISCOP(instruction.code) == BPF_TAX ? a_ : x_;
          break;
        default:
          return BPF_RVAL(instruction.code) == BPF_A ? a_ : instruction.k;
      }
    }
  }

 private:
  bool load(const sock_filter& instruction) {
    if (BPF_MODE(instruction.code) == BPF_MEM) {
      a_ = memory_.at(instruction.k);
      return true;
    }
    if (BPF_MODE(instruction.code) != BPF_IND) throw std::runtime_error("load mode");
    // Offsets from the link and the network header are negative numbers far apart; frames here begin with
    // either.
    auto offset = static_cast<std::int32_t>(instruction.k + x_);
    offset -= offset >= SKF_NET_OFF ? SKF_NET_OFF : SKF_LL_OFF;
    const unsigned size = BPF_SIZE(instruction.code);
    const std::uint32_t bytes = size == BPF_W ? 4 : size == BPF_H ? 2 : 1;
    if (offset < 0 || static_cast<std::size_t>(offset) + bytes > frame_.size()) return false;
    a_ = 0;
    for (std::uint32_t i = 0; i < bytes; ++i) a_ = a_ << 8U | frame_[static_cast<std::uint32_t>(offset) + i];
    return true;
  }

  void compute(const sock_filter& instruction) {
    const std::uint32_t operand = BPF_SRC(instruction.code) == BPF_X ? x_ : instruction.k;
    switch (BPF_OP(instruction.code)) {
      case BPF_ADD:
        a_ += operand;
        break;
      case BPF_AND:
        a_ &= operand;
        break;
      case BPF_MUL:
        a_ *= operand;
        break;
      case BPF_LSH:
        a_ <<= operand;
        break;
      case BPF_RSH:
        a_ >>= operand;
        break;
      case BPF_XOR:
        a_ ^= operand;
        break;
      default:
        throw std::runtime_error("operation");
    }
  }

  std::uint32_t jump_distance(const sock_filter& instruction) const {
    switch (BPF_OP(instruction.code)) {
      case BPF_JA:
        return instruction.k;
      case BPF_JEQ:
        return a_ == instruction.k ? instruction.jt : instruction.jf;
      case BPF_JSET:
        return (a_ & instruction.k) != 0 ? instruction.jt : instruction.jf;
      default:
        throw std::runtime_error("jump");
    }
  }

  std::span<const sock_filter> program_;
  std::span<const std::uint8_t> frame_;
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
  std::array<std::uint32_t, 16> memory_{};
};

}  // namespace tapline

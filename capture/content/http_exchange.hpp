#pragma once
// HttpExchange: what the two directions of a connection have to know of each other: a response tells how long
// its body is only together with the method that it answers (RFC 9112, section 6.3), and after CONNECT or
// 101 nothing is HTTP any more. One for each connection, of one thread.

#include <array>
#include <cstdint>
#include <string_view>

namespace tapline {

class HttpExchange {
 public:
  enum class Method : std::uint8_t { kOther, kHead, kConnect };

  static Method method_of(std::string_view name) {
    if (name == "HEAD") return Method::kHead;
    return name == "CONNECT" ? Method::kConnect : Method::kOther;
  }

  /// A request was seen. Of more than kWaitingMax at once the later ones are only counted, and taken for
  /// kOther when they are answered.
  void add_request(Method method) {
    if (waiting_ < kWaitingMax && uncounted_ == 0)
      methods_[(first_ + waiting_++) % kWaitingMax] = method;
    else
      ++uncounted_;
  }

  /// The method that the next final response answers (RFC 9112, section 9.3.2: in order); kOther where no
  /// request was seen.
  Method take_request() {
    if (waiting_ > 0) {
      const Method method = methods_[first_];
      first_ = static_cast<std::uint8_t>((first_ + 1) % kWaitingMax);
      --waiting_;
      return method;
    }
    if (uncounted_ > 0) --uncounted_;
    return Method::kOther;
  }

  /// Bytes of either direction are missing: which request the next response answers is not known.
  void forget_requests() {
    waiting_ = 0;
    uncounted_ = 0;
  }

  bool is_tunnel() const { return is_tunnel_; }
  void become_tunnel() { is_tunnel_ = true; }

 private:
  static constexpr std::uint8_t kWaitingMax = 32;

  std::array<Method, kWaitingMax> methods_{};
  std::uint32_t uncounted_ = 0;
  std::uint8_t first_ = 0;
  std::uint8_t waiting_ = 0;
  bool is_tunnel_ = false;
};

}  // namespace tapline

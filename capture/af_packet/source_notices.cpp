#include "capture/af_packet/source_notices.hpp"

#include <fmt/format.h>

namespace tapline {

namespace {

constexpr std::size_t kNoticesMax = 64;  // where nobody takes them, the latest are left out
constexpr std::chrono::minutes kRepeatInterval{1};

}  // namespace

void SourceNotices::add(bool warning, std::string text) {
  if (notices_.size() < kNoticesMax) notices_.push_back({warning, std::move(text)});
}

bool SourceNotices::is_due(Repeated& subject, std::uint64_t total) {
  if (total == subject.told) return false;
  const Clock::time_point now = Clock::now();
  if (subject.told > 0 && now < subject.told_at + kRepeatInterval) return false;
  subject = {total, now};
  return true;
}

void SourceNotices::timestamps(const std::string& reason) {
  if (tells_interface_) add(false, reason);
}

void SourceNotices::state(InterfaceState now) {
  if (now == state_) return;
  state_ = now;
  last_failure_.clear();
  if (!tells_interface_) return;
  switch (now) {
    case InterfaceState::kUp:
      return add(false, interface_ + " is up: frames are received again");
    case InterfaceState::kNoCarrier:
      return add(true, interface_ + " has no link: check the cable and the other side");
    case InterfaceState::kDown:
      return add(true,
                 interface_ + " is down: nothing is received until `ip link set " + interface_ + " up`");
    case InterfaceState::kGone:
      return add(true,
                 interface_ + " was removed: nothing is received until an interface of that name is back");
  }
}

void SourceNotices::super_frames(std::uint64_t frames) {
  if (!is_due(super_frames_, frames)) return;
  add(true, fmt::format("{0}: offloads put frames together that the wire carried in pieces ({1} so far, "
                        "marked so or longer than the MTU): lengths and counts are not the wire's; remedy: "
                        "`ethtool -K {0} gro off lro off gso off tso off`",
                        interface_, frames));
}

void SourceNotices::drops(std::uint64_t frames, std::uint64_t ring_full_count) {
  if (!is_due(drops_, frames)) return;
  add(true, fmt::format("{}: frames dropped by the kernel: {} so far; its ring was full {} times: more "
                        "workers or a larger ring (--ring) help",
                        interface_, frames, ring_full_count));
}

void SourceNotices::reopen_failed(const Error& error) {
  if (!tells_interface_ || error.code == ErrorCode::kNotFound || error.context == last_failure_) return;
  last_failure_ = error.context;
  add(true, interface_ + " cannot be opened again yet: " + error.context);
}

void SourceNotices::undelivered(std::uint64_t frames) {
  add(true, fmt::format("{}: the kernel kept {} received frames at the stop", interface_, frames));
}

std::optional<SourceNotice> SourceNotices::take() {
  if (notices_.empty()) return std::nullopt;
  SourceNotice first = std::move(notices_.front());
  notices_.pop_front();
  return first;
}

}  // namespace tapline

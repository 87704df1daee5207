#include "sensor/cutoff_policy.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/base/size.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline::sensor {
namespace {

// RFC 4884, section 3: an ICMP error of the newer kind quotes 128 bytes of the packet at least.
constexpr std::uint32_t kQuoteBytes = 128;
constexpr const char* kPolicies = "all, a size like 64KiB, headers or none";

Error usage_error(std::string text) {
  return {ErrorCode::kInvalid, std::move(text)};
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::uint32_t trimmed_bytes(const Frame& frame, const PacketMeta& meta, std::uint32_t header_bytes,
                            std::uint32_t payload_bytes) {
  if (meta.has(kMetaIcmpQuote)) payload_bytes = std::max(payload_bytes, kQuoteBytes);
  if (payload_bytes >= meta.payload_bytes) return frame.captured_bytes;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(frame.captured_bytes, std::uint64_t{header_bytes} + payload_bytes));
}

bool is_tcp_control(const PacketMeta& meta) {
  constexpr std::uint8_t kFinSynRst = 0x07;
  return meta.ip_proto == kIpProtoTcp && (meta.tcp_flags & kFinSynRst) != 0;
}

Result<CutoffPolicy::Limit> CutoffPolicy::parse_limit(const std::string& option, const std::string& text) {
  if (text == "all") return Limit{};
  if (text == "headers") return Limit{true, 0};
  if (text == "none") return Limit{false, 0};
  const Result<std::uint64_t> size = parse_size(text);
  if (size && *size < UINT32_MAX) return Limit{true, static_cast<std::uint32_t>(*size)};
  return usage_error(
      fmt::format("{}: '{}' is none of {}{}", option, text, kPolicies, size ? ": sizes are below 4GiB" : ""));
}

Status CutoffPolicy::add_rule(const std::string& rule) {
  const std::size_t split = rule.rfind('=');
  if (split == std::string::npos)
    return usage_error(fmt::format("cutoff-for: '{}' is not FILTER=POLICY, like 'port 443=headers'", rule));
  const std::string limit_text = trimmed(rule.substr(split + 1));
  const Result<Limit> limit = parse_limit(fmt::format("cutoff-for: '{}'", rule), limit_text);
  if (!limit) return limit.error();
  const std::string filter_text = trimmed(rule.substr(0, split));
  if (filter_text.empty())
    return usage_error(fmt::format("cutoff-for: '{}' has no filter: use --cutoff {}", rule, limit_text));
  Result<query::Filter> filter = query::Filter::parse(filter_text, {});
  if (!filter) return usage_error(fmt::format("cutoff-for: {}", filter.error().context));
  if (filter->has_session_terms() || filter->has_length_terms())
    return usage_error(
        fmt::format("cutoff-for: '{}' is not known when a session begins: use hosts, nets, ports, protocols "
                    "and tags",
                    filter_text));
  text_ += fmt::format("{}={}, ", filter->to_string(), limit_text);
  filters_.push_back(std::move(*filter));
  limits_.push_back(*limit);
  return {};
}

Result<CutoffPolicy> CutoffPolicy::parse(const std::string& cutoff, const std::vector<std::string>& rules,
                                         bool store_packets) {
  if (!store_packets && !(cutoff.empty() && rules.empty()))
    return usage_error("no-packets: stores none of any session: leave it or --cutoff out");
  CutoffPolicy policy;
  const std::string rest = cutoff.empty() ? "all" : trimmed(cutoff);
  const Result<Limit> limit = parse_limit("cutoff", rest);
  if (!limit) return limit.error();
  if (rules.empty() && rest == "all") return policy;
  if (rules.size() > kFiltersMax)
    return usage_error(fmt::format("cutoff-for: given {} times, at most {}: join filters by `or`",
                                   rules.size(), kFiltersMax));
  for (const std::string& rule : rules) TAPLINE_TRY(policy.add_rule(rule));
  policy.limits_.push_back(*limit);
  policy.text_ = fmt::format("cutoff {}{}", policy.text_, rules.empty() ? rest : "else " + rest);
  if (policy.text_.size() > kTextBytesMax)
    return usage_error(fmt::format("cutoff-for: {} bytes of filters when written out, at most {}",
                                   policy.text_.size(), kTextBytesMax));
  return policy;
}

std::uint8_t CutoffPolicy::choose(const Frame& frame, const PacketMeta& meta) const {
  std::size_t rule = 0;
  while (rule < filters_.size() && !filters_[rule].matches_packet(frame, meta, nullptr)) ++rule;
  return static_cast<std::uint8_t>(rule + 1);
}

CutoffPolicy::Kept CutoffPolicy::keep(const Frame& frame, const PacketMeta& outermost, const PacketMeta& meta,
                                      const FlowHit& hit) const {
  if (hit.slot == nullptr) [[unlikely]]
    return {limits_[choose(frame, outermost) - 1u].stored, frame.captured_bytes};
  std::uint8_t rule = hit.slot->cutoff_rule;
  if (rule == 0) [[unlikely]] {
    rule = choose(frame, outermost);
    if (!hit.joined) hit.slot->cutoff_rule = rule;  // it does not show the ports of its flow
  }
  if (rule == kKeepRule) [[unlikely]]
    return {true, frame.captured_bytes};
  const Limit& limit = limits_[rule - 1u];
  if (!limit.stored && !is_tcp_control(meta)) return {false, 0};
  if (limit.payload_bytes == UINT32_MAX) return {true, frame.captured_bytes};
  const std::uint32_t left = limit.payload_bytes - std::min(limit.payload_bytes, hit.payload_bytes_before);
  return {true, trimmed_bytes(frame, meta, hit.header_bytes, left)};
}

}  // namespace tapline::sensor

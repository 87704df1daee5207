#include "tools/plan_text.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/base/size.hpp"

namespace tapline::tools {
namespace {

/// What a SATA solid state disk gives in reads of a block each; a rotating disk gives a tenth of it.
constexpr double kDiskBytesPerSecond = 500.0 * (1 << 20);
/// Checksums, decompression, parsing and a short filter on one thread: two thirds of what was measured on the
/// large trace (Zen 4 at 2.6 GHz, 16+16 lanes of 256 KiB: 1.6 GB/s).
constexpr double kDecodedBytesPerSecond = 1 << 30;

double ratio(std::uint64_t bytes, double bytes_per_second) {
  return static_cast<double>(bytes) / bytes_per_second;
}

void add_bytes(std::string& text, const char* name, std::uint64_t bytes) {
  text += fmt::format("{:<19} {} ({})\n", name, bytes, format_size(bytes));
}

}  // namespace

double expected_seconds(const query::PlanTotals& plan, const ReadingOptions& reading) {
  const double decoding = ratio(plan.raw_bytes_hit, kDecodedBytesPerSecond * reading.limits.threads);
  double disk_rate = kDiskBytesPerSecond;
  if (reading.bytes_per_second != 0)
    disk_rate = std::min(disk_rate, static_cast<double>(reading.bytes_per_second));
  return std::max(ratio(plan.stored_bytes_hit, disk_rate), decoding);
}

std::string plan_text(const query::PlanTotals& plan, const ReadingOptions& reading) {
  std::string text;
  const auto add = [&](const char* name, std::uint64_t count, const char* note = "") {
    text += fmt::format("{:<19} {}{}\n", name, count, note);
  };
  add("segments in store", plan.segments_in_store);
  add("segments opened", plan.segments_opened);
  add("segments hit", plan.segments_hit);
  add("blocks in opened", plan.blocks_in_opened);
  add("blocks in steps", plan.blocks_in_steps, " of open segments");
  add("blocks unindexed", plan.blocks_unindexed);
  text += fmt::format("ruled out by time   {} segments by name, {} blocks that the index names\n",
                      plan.segments_in_store - std::min(plan.segments_in_store, plan.segments_opened),
                      plan.blocks_selected - plan.blocks_hit);
  text += fmt::format("ruled out by index  {} segments, {} blocks\n",
                      plan.segments_opened - plan.segments_selected,
                      plan.blocks_in_opened - plan.blocks_selected);
  add("blocks to read", plan.blocks_hit);
  add_bytes(text, "bytes to read", plan.stored_bytes_hit);
  add_bytes(text, "bytes to decode", plan.raw_bytes_hit);
  add_bytes(text, "bytes read to plan", plan.planning_bytes_read);
  const std::string budget =
      reading.bytes_per_second == 0
          ? std::string()
          : fmt::format(", of which --io-budget allows {}/s", format_size(reading.bytes_per_second));
  text += fmt::format(
      "expected time       {:.2f} s, if the disk gives {}/s{} and a thread decodes {}/s ({} threads): "
      "assumed, "
      "not measured\n",
      expected_seconds(plan, reading), format_size(static_cast<std::uint64_t>(kDiskBytesPerSecond)), budget,
      format_size(static_cast<std::uint64_t>(kDecodedBytesPerSecond)), reading.limits.threads);
  return text;
}

}  // namespace tapline::tools

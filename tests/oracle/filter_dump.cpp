// Counts the frames of a capture file that match filters: the counterpart that filter_tcpdump compares with
// tcpdump.
//   filter_dump CAPTURE FILTER...    prints one line a filter: its count, or "error" and why on stderr
// With FILTER "-n", the numbers (from 1) of the frames that match the filter after it.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "capture/files/file_source.hpp"
#include "capture/packet/decode.hpp"
#include "storage/query/filter.hpp"

namespace {

using namespace tapline;

struct Question {
  query::Filter filter;
  std::uint64_t matches = 0;
};

/// Runs all questions over all frames that can be read; what is damaged after them is none of this program's
/// business.
int count(const char* path, std::vector<Question>& questions, bool numbers) {
  Result<std::unique_ptr<FrameSource>> source = open_capture_file(path);
  if (!source) return fmt::print(stderr, "{}\n", source.error().context), 1;
  std::array<Frame, kBurstFramesMax> frames;
  std::array<PacketMeta, kBurstFramesMax> metas;
  std::uint64_t number = 0;
  for (bool end = false; !end;) {
    const Result<PollResult> polled = (*source)->poll(frames);
    if (!polled) break;
    decode_burst(std::span(frames).first(polled->frames), std::span(metas).first(polled->frames));
    for (std::uint32_t i = 0; i < polled->frames; ++i) {
      ++number;
      for (Question& question : questions) {
        if (!question.filter.matches_packet(frames[i], metas[i], nullptr)) continue;
        ++question.matches;
        if (numbers) fmt::print("{}\n", number);
      }
    }
    end = polled->end;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fmt::print(stderr, "usage: filter_dump CAPTURE [-n] FILTER...\n"), 2;
  const bool numbers = std::string_view(argv[2]) == "-n";
  std::vector<Question> questions;
  for (int i = numbers ? 3 : 2; i < argc; ++i) {
    const Result<query::Filter> filter = query::Filter::parse(argv[i], query::FilterOptions{});
    if (!filter) return fmt::print(stderr, "{}\n", filter.error().context), 2;
    questions.push_back({*filter, 0});
  }
  const int status = count(argv[1], questions, numbers);
  if (numbers || status != 0) return status;
  for (const Question& question : questions) fmt::print("{}\n", question.matches);
  return 0;
}

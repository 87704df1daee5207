// http_head: two directions of a connection. The first byte says in what pieces they come and how large the
// head buffers are; at 0xff the other direction goes on, at 0xfe bytes are missing. And each direction's
// bytes as one head.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "capture/content/http_stream.hpp"
#include "tests/content/exact_bytes.hpp"
#include "tests/content/http_invariants.hpp"

namespace {

using namespace tapline;

void require(const std::string& broken) {
  if (broken.empty()) return;
  std::fprintf(stderr, "http_head_fuzz: %s\n", broken.c_str());
  std::abort();
}
void require(bool holds, const char* what) {
  if (!holds) require(std::string(what));
}

void check_head(Bytes bytes) {
  const test::ExactBytes exact(bytes);
  HttpHead whole;
  const HttpStatus status = parse_http_head(exact.bytes(), whole);
  require(test::broken_http_invariant(exact.bytes(), status, whole));
  for (const std::size_t count :
       {bytes.size() / 2, bytes.size() - std::min<std::size_t>(bytes.size(), 1), whole.head_bytes}) {
    HttpHead part;
    const test::ExactBytes beginning(bytes.first(count));
    const HttpStatus part_status = parse_http_head(beginning.bytes(), part);
    require(test::broken_http_invariant(beginning.bytes(), part_status, part));
    if (status != HttpStatus::kNotHttp) require(test::broken_http_prefix(part, whole));
    require(part_status != HttpStatus::kNotHttp || status == HttpStatus::kNotHttp, "not HTTP, then HTTP");
    if (count > 0 && count == whole.head_bytes)
      require(part_status == HttpStatus::kComplete, "a head needs more than itself");
  }
}

// Heads and bodies in turns, in order, none of them beyond what was fed.
class Direction {
 public:
  Direction(HttpExchange& exchange, std::size_t head_bytes_max)
      : buffer_(head_bytes_max), stream_(buffer_, exchange) {}

  void feed(Bytes bytes) {
    const test::ExactBytes exact(bytes);
    fed_bytes_ += bytes.size();
    stream_.consume(exact.bytes(), *this);
    require(stream_.stream_offset() == fed_bytes_, "bytes that were not taken");
  }
  void skip(std::uint64_t bytes) {
    fed_bytes_ += bytes;
    stream_.skip(bytes, *this);
    require(stream_.stream_offset() == fed_bytes_, "a gap of another length");
  }
  void finish() {
    stream_.finish(*this);
    require(!in_body_, "a body without end");
  }

  void on_head(const HttpHeadEvent& event) {
    require(!in_body_, "a head within a body");
    require(event.stream_offset >= end_, "a head before the end of the message before it");
    require(event.head.kind == stream_.kind() && event.head.kind != HttpKind::kNone,
            "a head of another kind");
    require(event.is_whole == (event.head.head_bytes > 0), "a head without end");
    require(event.head.head_bytes <= buffer_.size(), "a head that is longer than its buffer");
    end_ = event.stream_offset + event.head.head_bytes;
    is_whole_ = event.is_whole;
    in_body_ = true;
  }
  void on_body(const HttpBodyEvent& event) {
    require(in_body_, "a body without a head");
    require(is_whole_ ? event.stream_offset == end_ : event.stream_offset >= end_,
            "a body that is not behind its head");
    require(event.stream_offset + event.bytes <= fed_bytes_, "a body past the stream");
    require(event.bytes_missing <= event.bytes, "more missing than there is");
    require(is_whole_ || (!event.is_whole && event.bytes == 0), "a body of a head that is not whole");
    end_ = event.stream_offset + event.bytes;
    in_body_ = false;
  }

 private:
  std::vector<std::uint8_t> buffer_;
  HttpStream stream_;
  std::uint64_t fed_bytes_ = 0;
  std::uint64_t end_ = 0;
  bool in_body_ = false;
  bool is_whole_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t kPieces[] = {1, 3, 17, 100, 100000};
  constexpr std::size_t kBuffers[] = {0, 40, 200, 16384, 20000};
  const std::size_t piece_bytes = kPieces[data[0] % 5];
  HttpExchange exchange;
  Direction one(exchange, std::min(kBuffers[data[0] / 5 % 5], kHttpHeadBytesMax));
  Direction other(exchange, std::min(kBuffers[data[0] / 25 % 5], kHttpHeadBytesMax));
  Direction* now = &one;
  for (std::size_t at = 1; at < size;) {
    if (data[at] == 0xff) now = now == &one ? &other : &one;
    if (data[at] == 0xfe && at + 1 < size) now->skip(data[++at]);
    if (data[at] >= 0xfe || data[at - 1] == 0xfe) {
      ++at;
      continue;
    }
    const std::uint8_t* const end =
        std::find_if(data + at, data + size, [](std::uint8_t byte) { return byte >= 0xfe; });
    const Bytes run(data + at, static_cast<std::size_t>(end - data) - at);
    check_head(run);
    for (std::size_t from = 0; from < run.size(); from += piece_bytes)
      now->feed(run.subspan(from, std::min(piece_bytes, run.size() - from)));
    at += run.size();
  }
  one.finish();
  other.finish();
  return 0;
}

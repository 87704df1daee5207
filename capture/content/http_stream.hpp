#pragma once
// HttpStream: finds head after head in one direction of a TCP connection, and passes over the bodies between
// (RFC 9112, section 6.3). Its chunks are the stream's bytes in order, in any pieces; what was lost is
// skip()ped. Which direction it is shows in the first head: the stream is of requests or of responses from
// then on.
//
// State is constant but for the head buffer, which belongs to the caller, is used while a head lies in
// several chunks, and bounds the heads (up to kHttpHeadBytesMax). The two streams of a connection share an
// HttpExchange and a thread. A request is fed before its response, else a response to HEAD is misread.
//
// After a gap within a body nothing is lost but its bytes. Behind other gaps, behind a head that is too
// long and behind a body whose end cannot be told, the stream is searched: for a chunk that begins with a
// whole first line of the right kind, as a peer that sends one message after the other makes them. Such a
// head is marked, may be a body's text, and, as a response, is taken for one to neither HEAD nor CONNECT. A
// stream whose first bytes are not HTTP is given up at once.

#include <cstdint>
#include <span>

#include "capture/content/http_chunked_body.hpp"
#include "capture/content/http_exchange.hpp"
#include "capture/content/http_head.hpp"

namespace tapline {

enum class HttpState : std::uint8_t {
  kHead,         // within or before a head
  kLengthBody,   // within a body of known length
  kChunkedBody,  // within a body in chunks
  kUntilClose,   // within a body that ends with the connection
  kTunnel,       // behind CONNECT or 101: not HTTP any more
  kSearching,    // between messages, without knowing where the next one begins
  kGivenUp,      // never was HTTP
};

enum class HttpLoss : std::uint8_t {
  kNone,
  kNotHttp,      // where a head should begin
  kGap,          // over a head, or past the end of a body; or the end of the stream within a head
  kHeadTooLong,  // longer than the head buffer or kHttpHeadBytesMax
  kBadFraming,   // a length or chunks that are none
};

struct HttpHeadEvent {
  const HttpHead& head;         // its texts are valid during the call
  std::uint64_t stream_offset;  // of its first byte
  bool is_whole;                // false: too long, or cut by a gap or the end; nothing is known of its body
  bool was_searched;            // found behind a loss
};

/// One for each head, in order.
struct HttpBodyEvent {
  std::uint64_t stream_offset = 0;  // of its first byte, behind the head
  std::uint64_t bytes = 0;          // of content, without what the chunked coding adds
  std::uint64_t bytes_missing = 0;  // of them, in gaps
  bool is_whole = false;            // false: the end of it was not seen
};

class HttpStream {
 public:
  /// The buffer and the exchange outlive the stream.
  HttpStream(std::span<std::uint8_t> head_buffer, HttpExchange& exchange)
      : head_buffer_(head_buffer), exchange_(&exchange) {}

  /// The first chunk will not be the first of the connection: search.
  void begin_late() { state_ = HttpState::kSearching; }

  /// Calls events.on_head(const HttpHeadEvent&) and events.on_body(const HttpBodyEvent&), in turns.
  template <class Events>
  void consume(Bytes chunk, Events& events) {
    begin_chunk(chunk);
    report(step(chunk), chunk, events);
  }

  /// `bytes` of the stream are missing here. state() then says what became of it.
  template <class Events>
  void skip(std::uint64_t bytes, Events& events) {
    Bytes none;
    report(step_gap(bytes), none, events);
  }

  /// The peer closed this direction: a body that ends so is whole, any other is not. Nothing may follow.
  template <class Events>
  void finish(Events& events) {
    Bytes none;
    report(step_finish(), none, events);
  }

  HttpState state() const { return state_; }
  HttpKind kind() const { return kind_; }  // kNone: no head yet
  HttpLoss last_loss() const { return last_loss_; }
  std::uint64_t losses() const { return losses_; }
  std::uint64_t stream_offset() const { return offset_; }

 private:
  enum class Event : std::uint8_t { kNone, kHead, kBody };

  template <class Events>
  void report(Event event, Bytes& chunk, Events& events) {
    for (; event != Event::kNone; event = step(chunk)) {
      if (event == Event::kHead)
        events.on_head(HttpHeadEvent{head_, head_offset_, head_is_whole_, was_searched_});
      else
        events.on_body(static_cast<const HttpBodyEvent&>(body_));
    }
  }

  // Each takes what it can of the chunk; kNone: all of it.
  void begin_chunk(Bytes chunk) noexcept;
  Event step(Bytes& chunk) noexcept;
  Event step_gap(std::uint64_t bytes) noexcept;
  Event step_finish() noexcept;
  Event step_head(Bytes& chunk) noexcept;
  Event step_body(Bytes& chunk) noexcept;

  void take(Bytes& chunk, std::size_t bytes) noexcept;
  bool take_blank_lines(Bytes& chunk) noexcept;
  std::size_t find_head_end(Bytes part) noexcept;
  Bytes buffered(Bytes part) noexcept;
  std::size_t head_bytes_max() const noexcept;
  bool is_right_kind() const {
    return head_.kind != HttpKind::kNone && (kind_ == head_.kind || kind_ == HttpKind::kNone);
  }

  Event end_head(HttpStatus status, HttpLoss loss_otherwise) noexcept;
  Event cut_head(HttpLoss loss) noexcept;
  void forget_head() noexcept;
  void begin_body() noexcept;
  void begin_request_body() noexcept;
  void begin_response_body() noexcept;
  void begin_framed_body(HttpState unframed) noexcept;
  void begin_lost_body(HttpLoss loss) noexcept;
  Event end_body(bool is_whole, HttpState next) noexcept;
  void note_loss(HttpLoss loss) noexcept;

  std::span<std::uint8_t> head_buffer_;
  HttpExchange* exchange_;
  HttpHead head_;
  HttpBodyEvent body_;
  HttpChunkedBody chunked_;
  std::uint64_t offset_ = 0;
  std::uint64_t head_offset_ = 0;
  std::uint64_t body_bytes_left_ = 0;  // of a body of known length
  std::uint64_t losses_ = 0;
  std::size_t buffered_bytes_ = 0;  // of the present head
  std::size_t line_bytes_ = 0;      // of its present line, without LF
  std::size_t blank_bytes_ = 0;     // of empty lines before it
  bool line_begins_with_cr_ = false;
  bool has_first_line_ = false;
  bool has_head_end_ = false;
  bool head_is_whole_ = false;
  bool was_searched_ = false;
  bool body_is_lost_ = false;                // it ends at once, and not whole
  HttpState after_body_ = HttpState::kHead;  // of a body of known length
  HttpKind kind_ = HttpKind::kNone;
  HttpState state_ = HttpState::kHead;
  HttpLoss last_loss_ = HttpLoss::kNone;
};

}  // namespace tapline

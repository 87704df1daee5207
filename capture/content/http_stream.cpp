#include "capture/content/http_stream.hpp"

#include <algorithm>
#include <cstring>

namespace tapline {
namespace {

constexpr std::size_t kBlankBytesMax = 4;  // as parse_http_head()
// Until here a head that comes in small pieces is looked at with each of them, later only when its first line
// and its last one have ended: bytes sent one by one must not cost a look at all that was sent before.
constexpr std::size_t kEarlyBytes = 64;

}  // namespace

void HttpStream::begin_chunk(Bytes chunk) noexcept {
  if (state_ != HttpState::kSearching) return;
  parse_http_head(chunk, head_);
  if (!is_right_kind()) return;
  forget_head();
  was_searched_ = true;
  state_ = HttpState::kHead;
}

HttpStream::Event HttpStream::step(Bytes& chunk) noexcept {
  Event event = Event::kNone;
  if (state_ == HttpState::kHead)
    event = step_head(chunk);
  else if (state_ == HttpState::kLengthBody || state_ == HttpState::kChunkedBody ||
           state_ == HttpState::kUntilClose)
    event = step_body(chunk);
  if (event == Event::kNone) take(chunk, chunk.size());  // what is passed over
  return event;
}

HttpStream::Event HttpStream::step_gap(std::uint64_t bytes) noexcept {
  if (bytes == 0) return Event::kNone;
  offset_ += bytes;
  switch (state_) {
    case HttpState::kHead:
      if (buffered_bytes_ > 0 || !exchange_->is_tunnel()) return cut_head(HttpLoss::kGap);
      state_ = HttpState::kTunnel;
      return Event::kNone;
    case HttpState::kLengthBody: {
      const std::uint64_t missing = std::min(bytes, body_bytes_left_);
      body_.bytes += missing;
      body_.bytes_missing += missing;
      body_bytes_left_ -= missing;
      if (body_bytes_left_ > 0) return Event::kNone;
      if (bytes == missing) return end_body(true, after_body_);
      note_loss(HttpLoss::kGap);
      return end_body(true, HttpState::kSearching);
    }
    case HttpState::kChunkedBody:
      if (chunked_.skip(bytes)) {
        body_.bytes_missing += bytes;
        return Event::kNone;
      }
      note_loss(HttpLoss::kGap);
      return end_body(false, HttpState::kSearching);
    case HttpState::kUntilClose:
      body_.bytes += bytes;
      body_.bytes_missing += bytes;
      return Event::kNone;
    default:
      return Event::kNone;
  }
}

HttpStream::Event HttpStream::step_finish() noexcept {
  switch (state_) {
    case HttpState::kHead:
      return buffered_bytes_ > 0 ? cut_head(HttpLoss::kGap) : Event::kNone;
    case HttpState::kUntilClose:
      return end_body(true, HttpState::kSearching);
    case HttpState::kLengthBody:
    case HttpState::kChunkedBody:
      return end_body(false, HttpState::kSearching);
    default:
      return Event::kNone;
  }
}

HttpStream::Event HttpStream::step_head(Bytes& chunk) noexcept {
  if (buffered_bytes_ == 0) {
    if (exchange_->is_tunnel()) {
      state_ = HttpState::kTunnel;
      return Event::kNone;
    }
    if (!take_blank_lines(chunk)) return cut_head(HttpLoss::kNotHttp);
    if (chunk.empty()) return Event::kNone;
    head_offset_ = offset_;
  }
  const bool had_first_line = has_first_line_;
  const std::size_t before_bytes = buffered_bytes_;
  const Bytes part =
      chunk.first(find_head_end(chunk.first(std::min(chunk.size(), head_bytes_max() - before_bytes))));
  const bool is_last = has_head_end_ || before_bytes + part.size() == head_bytes_max();
  const Bytes head = is_last && before_bytes == 0 ? part : buffered(part);
  take(chunk, part.size());
  if (is_last) return end_head(parse_http_head(head, head_, head_bytes_max()), HttpLoss::kHeadTooLong);
  if (before_bytes < kEarlyBytes || had_first_line != has_first_line_) {
    if (parse_http_head(head, head_, head_bytes_max()) == HttpStatus::kNotHttp)
      return cut_head(HttpLoss::kNotHttp);
  }
  return Event::kNone;
}

HttpStream::Event HttpStream::step_body(Bytes& chunk) noexcept {
  if (state_ == HttpState::kUntilClose) {
    body_.bytes += chunk.size();
    return Event::kNone;
  }
  if (state_ == HttpState::kLengthBody) {
    const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), body_bytes_left_));
    take(chunk, taken);
    body_.bytes += taken;
    body_bytes_left_ -= taken;
    return body_bytes_left_ == 0 ? end_body(!body_is_lost_, after_body_) : Event::kNone;
  }
  take(chunk, chunked_.consume(chunk));
  if (chunked_.state() == HttpChunkedBody::State::kDone) return end_body(true, HttpState::kHead);
  if (chunked_.state() != HttpChunkedBody::State::kBad) return Event::kNone;
  note_loss(HttpLoss::kBadFraming);
  return end_body(false, HttpState::kSearching);
}

void HttpStream::take(Bytes& chunk, std::size_t bytes) noexcept {
  chunk = chunk.subspan(bytes);
  offset_ += bytes;
}

// False: more of them than stand before a head.
bool HttpStream::take_blank_lines(Bytes& chunk) noexcept {
  while (!chunk.empty() && (chunk[0] == '\r' || chunk[0] == '\n')) {
    take(chunk, 1);
    if (++blank_bytes_ > kBlankBytesMax) return false;
  }
  return true;
}

// How many bytes of the part belong to the head; has_head_end_ says whether its empty line is among them.
// What an empty line is, parse_http_head() says: nothing or one CR before the LF.
std::size_t HttpStream::find_head_end(Bytes part) noexcept {
  std::size_t at = 0;
  while (at < part.size() && !has_head_end_) {
    const void* const line_feed = std::memchr(part.data() + at, '\n', part.size() - at);
    const std::size_t end =
        line_feed == nullptr
            ? part.size()
            : static_cast<std::size_t>(static_cast<const std::uint8_t*>(line_feed) - part.data());
    if (line_bytes_ == 0 && end > at) line_begins_with_cr_ = part[at] == '\r';
    line_bytes_ += end - at;
    if (line_feed == nullptr) return part.size();
    has_head_end_ = has_first_line_ && (line_bytes_ == 0 || (line_bytes_ == 1 && line_begins_with_cr_));
    has_first_line_ = true;
    line_bytes_ = 0;
    at = end + 1;
  }
  return at;
}

// All that there is of the head, with this part of it.
Bytes HttpStream::buffered(Bytes part) noexcept {
  std::copy(part.begin(), part.end(), head_buffer_.begin() + static_cast<std::ptrdiff_t>(buffered_bytes_));
  buffered_bytes_ += part.size();
  return head_buffer_.first(buffered_bytes_);
}

std::size_t HttpStream::head_bytes_max() const noexcept {
  return std::min(head_buffer_.size(), kHttpHeadBytesMax);
}

// `loss_otherwise`: why the head is not whole, if it is not.
HttpStream::Event HttpStream::end_head(HttpStatus status, HttpLoss loss_otherwise) noexcept {
  const bool is_http = status != HttpStatus::kNotHttp && is_right_kind();
  forget_head();
  if (!is_http) {
    const bool may_be_http = status != HttpStatus::kNotHttp && head_.kind == HttpKind::kNone;
    note_loss(may_be_http ? loss_otherwise : HttpLoss::kNotHttp);
    const bool never_was = kind_ == HttpKind::kNone && !may_be_http;
    state_ = never_was ? HttpState::kGivenUp : HttpState::kSearching;
    was_searched_ = false;
    return Event::kNone;
  }
  kind_ = head_.kind;
  head_is_whole_ = status == HttpStatus::kComplete;
  body_ = {};
  body_.stream_offset = offset_;
  if (head_is_whole_)
    begin_body();
  else
    begin_lost_body(loss_otherwise);
  return Event::kHead;
}

// There will be no more of the head: what its whole lines say is reported.
HttpStream::Event HttpStream::cut_head(HttpLoss loss) noexcept {
  const Bytes head = head_buffer_.first(buffered_bytes_);
  const HttpStatus status =
      loss == HttpLoss::kNotHttp ? HttpStatus::kNotHttp : parse_http_head(head, head_, head_bytes_max());
  return end_head(status, loss);
}

void HttpStream::forget_head() noexcept {
  buffered_bytes_ = 0;
  line_bytes_ = 0;
  blank_bytes_ = 0;
  has_first_line_ = false;
  has_head_end_ = false;
}

void HttpStream::begin_body() noexcept {
  body_bytes_left_ = 0;
  body_is_lost_ = false;
  after_body_ = HttpState::kHead;
  state_ = HttpState::kLengthBody;
  if (head_.kind == HttpKind::kRequest)
    begin_request_body();
  else
    begin_response_body();
}

void HttpStream::begin_request_body() noexcept {
  exchange_->add_request(HttpExchange::method_of(head_.method));
  begin_framed_body(HttpState::kLengthBody);  // of no bytes
}

void HttpStream::begin_response_body() noexcept {
  const unsigned code = head_.status_code;
  if (code < 200 && code != 101) return;  // the final response is still to come (RFC 9110, section 15.2)
  if (was_searched_) exchange_->forget_requests();
  const HttpExchange::Method method = exchange_->take_request();
  if (code == 101 || (method == HttpExchange::Method::kConnect && code < 300)) {
    exchange_->become_tunnel();
    after_body_ = HttpState::kTunnel;
  } else if (method != HttpExchange::Method::kHead && code != 204 && code != 304) {
    begin_framed_body(HttpState::kUntilClose);
  }
}

// RFC 9112, section 6.3, 3 to 8. `unframed`: what a message without any length has.
void HttpStream::begin_framed_body(HttpState unframed) noexcept {
  if (head_.is_chunked) {
    chunked_ = {};
    state_ = HttpState::kChunkedBody;
  } else if (head_.has_transfer_encoding) {
    if (head_.kind == HttpKind::kRequest) return begin_lost_body(HttpLoss::kBadFraming);
    state_ = HttpState::kUntilClose;
  } else if (head_.has_bad_length) {
    begin_lost_body(HttpLoss::kBadFraming);
  } else if (head_.content_length) {
    body_bytes_left_ = *head_.content_length;
  } else {
    state_ = unframed;
  }
}

void HttpStream::begin_lost_body(HttpLoss loss) noexcept {
  note_loss(loss);
  body_bytes_left_ = 0;
  body_is_lost_ = true;
  after_body_ = HttpState::kSearching;
  state_ = HttpState::kLengthBody;
}

HttpStream::Event HttpStream::end_body(bool is_whole, HttpState next) noexcept {
  if (state_ == HttpState::kChunkedBody) body_.bytes = chunked_.content_bytes();
  body_.is_whole = is_whole;
  state_ = next;
  was_searched_ = false;
  return Event::kBody;
}

void HttpStream::note_loss(HttpLoss loss) noexcept {
  last_loss_ = loss;
  ++losses_;
  exchange_->forget_requests();
}

}  // namespace tapline

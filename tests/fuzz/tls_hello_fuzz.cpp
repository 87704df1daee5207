// tls_hello: the bytes of one direction of a TLS connection, read item by item; and any bytes as the body of
// a ClientHello and of a ServerHello.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "capture/content/tls_records.hpp"
#include "capture/content/tls_server_hello.hpp"
#include "tests/content/exact_bytes.hpp"

namespace {

using namespace tapline;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "tls_hello_fuzz: %s\n", what);
  std::abort();
}

void read_bodies(Bytes body) {
  for (const TlsTransport transport : {TlsTransport::kTcp, TlsTransport::kDtls, TlsTransport::kQuic}) {
    TlsClientHello hello;
    const bool ok = read_tls_client_hello(body, transport, hello) == TlsHelloStatus::kOk;
    require(ok || (hello.cipher_count == 0 && hello.ja4.empty()), "a malformed hello that says something");
    require(hello.ja4.empty() || hello.ja4.view().size() == 36, "a fingerprint of another length");
    require(!ok || !hello.ja4.empty() || hello.cipher_count > kJa4NumbersMax ||
                hello.extension_count > kJa4NumbersMax || body.size() > 2 * kJa4NumbersMax,
            "a short hello without fingerprint");
    require(hello.server_name.empty() || hello.has_server_name, "a name without its extension");
    require(hello.alpn.size() <= hello.alpn.seen(), "more names than there were");
    require(hello.alpn.seen() == 0 || !hello.alpn.empty(), "the first name is not listed");
  }
  TlsServerHello hello;
  const bool ok = read_tls_server_hello(body, hello) == TlsHelloStatus::kOk;
  require(ok || hello.version == 0, "a malformed hello that says something");
  require(hello.alpn.view().size() <= 255, "a name longer than its length");
}

bool lies_within(Bytes inner, Bytes outer) {
  return inner.data() >= outer.data() && inner.data() + inner.size() <= outer.data() + outer.size();
}

// What a cut stream says, the whole one says, too.
void read_prefix(Bytes stream, const TlsPosition& from, const TlsItem& whole, TlsMessageBuffer& buffer) {
  const std::size_t count = from.record_offset + (stream.size() - from.record_offset) / 2;
  const test::ExactBytes half(stream.first(count));
  const TlsItem cut = next_tls_item(half.bytes(), from, buffer);
  require(cut.kind == TlsItemKind::kIncomplete || cut.kind == whole.kind, "a prefix says something else");
}

void read_stream(Bytes stream) {
  static TlsMessageBuffer buffer;
  static TlsMessageBuffer buffer_of_prefix;
  TlsPosition at;
  for (;;) {
    const TlsItem item = next_tls_item(stream, at, buffer);
    if (at.record_offset <= stream.size()) read_prefix(stream, at, item, buffer_of_prefix);
    const bool stays = item.next.record_offset == at.record_offset && item.next.record_used == at.record_used;
    if (item.kind == TlsItemKind::kIncomplete || item.kind == TlsItemKind::kNotTls ||
        item.kind == TlsItemKind::kTooLong) {
      require(stays, "a position that moved for nothing");
      return;
    }
    require(!stays && item.next.begun, "an item without end");
    require(item.next.record_offset > at.record_offset || item.next.record_used > at.record_used,
            "a way back");
    if (item.kind == TlsItemKind::kMessage) {
      require(item.body.empty() || lies_within(item.body, stream) || lies_within(item.body, buffer),
              "a body that is nowhere");
      read_bodies(item.body);
    }
    at = item.next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const test::ExactBytes exact(Bytes(data, size));
  read_stream(exact.bytes());
  read_bodies(exact.bytes());
  return 0;
}

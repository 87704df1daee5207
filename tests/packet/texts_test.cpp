#include "capture/packet/texts.hpp"

#include <catch2/catch.hpp>

#include "capture/packet/event_record.hpp"

namespace tapline {
namespace {

TEST_CASE("texts: each is found by its kind") {
  std::string packed;
  append_text(packed, TextKind::kSni, "drop.example");
  append_text(packed, TextKind::kAlpn, "");
  append_text(packed, TextKind::kUri, std::string(300, 'u'));
  CHECK(find_text(packed, TextKind::kSni) == "drop.example");
  CHECK(find_text(packed, TextKind::kAlpn).empty());
  CHECK(find_text(packed, TextKind::kUri) == std::string(300, 'u'));
  CHECK(packed.size() == 2 * kTextHeaderBytes + 12 + 300);
}

TEST_CASE("texts: what is too long is cut, what has no room left out") {
  std::string packed;
  append_text(packed, TextKind::kUri, std::string(kTextBytesMax + 1, 'u'));
  CHECK(find_text(packed, TextKind::kUri).size() == kTextBytesMax);
  for (int kind = 1; kind < kTextKindCount; ++kind)
    append_text(packed, static_cast<TextKind>(kind), std::string(kTextBytesMax, 'x'));
  CHECK(packed.size() <= kTextsBytesMax);
}

TEST_CASE("texts: the first of a kind stays") {
  std::string packed;
  append_text(packed, TextKind::kHost, "a.example");
  std::string further;
  append_text(further, TextKind::kHost, "b.example");
  append_text(further, TextKind::kUri, "/");
  add_missing_texts(packed, further);
  CHECK(find_text(packed, TextKind::kHost) == "a.example");
  CHECK(find_text(packed, TextKind::kUri) == "/");
}

TEST_CASE("texts: damaged ones end where they are damaged") {
  std::string packed;
  append_text(packed, TextKind::kHost, "a.example");
  append_text(packed, TextKind::kUri, "/x");
  for (std::size_t bytes = 0; bytes < packed.size(); ++bytes) {
    int texts = 0;
    const bool sound = for_each_text(std::string_view(packed).substr(0, bytes),
                                     [&](TextKind, std::string_view) { ++texts; });
    CHECK(sound == (bytes == 0 || bytes == kTextHeaderBytes + 9));
    CHECK(texts == (bytes >= kTextHeaderBytes + 9 ? 1 : 0));
  }
  packed[0] = static_cast<char>(kTextKindCount);
  CHECK_FALSE(for_each_text(packed, [](TextKind, std::string_view) { FAIL("a text of no kind"); }));
}

TEST_CASE("texts: every kind and every event has a name of its own") {
  for (int a = 1; a < kTextKindCount; ++a) {
    for (int b = 1; b < a; ++b)
      CHECK(std::string_view(text_kind_name(static_cast<TextKind>(a))) !=
            text_kind_name(static_cast<TextKind>(b)));
  }
  CHECK(std::string_view(event_kind_name(EventKind::kFile)) == "file");
}

}  // namespace
}  // namespace tapline

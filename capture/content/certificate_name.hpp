#pragma once
// Distinguished names on one line, as RFC 4514 writes them: "CN=www.example.org,O=Example\, Inc.,C=US". The
// most specific part, which DER has last, comes first; parts of equal rank are joined by '+'. Texts come out
// as UTF-8; control characters, bytes that are not UTF-8 and what has a meaning in the line are escaped.
// Attributes without a common short name are written as their number, and their value as '#' and its DER in
// hex.
//
// Limits: kNameTextBytesMax; 32 parts, those that DER has last. A text that is cut ends after a whole
// character.

#include "capture/content/certificate.hpp"

namespace tapline {

/// Of the content of a Name (RFC 5280, section 4.1.2.4). False where it is none; the text is then what was
/// read.
bool read_name(Bytes name, Certificate::NameText& text) noexcept;

}  // namespace tapline

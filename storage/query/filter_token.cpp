#include "storage/query/filter_token.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/filter_term.hpp"

namespace tapline::query {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_sign(char c) {
  return std::string_view("()!=<>&|'\"").find(c) != std::string_view::npos;
}

/// A Community ID is the one word that contains a sign: its base 64 ends with '='.
bool begins_with_community_id(std::string_view text) {
  if (!is_community_id(text.substr(0, kCommunityIdChars))) return false;
  if (text.size() == kCommunityIdChars) return true;
  const char next = text[kCommunityIdChars];
  return is_blank(next) || is_sign(next);
}

std::size_t word_chars(std::string_view text) {
  if (begins_with_community_id(text)) return kCommunityIdChars;
  const auto* const end =
      std::find_if(text.begin(), text.end(), [](char c) { return is_blank(c) || is_sign(c); });
  return static_cast<std::size_t>(end - text.begin());
}

/// The sign at the start of `text`, kEnd where a single | stands alone.
Token sign_at(std::string_view text) {
  const std::string_view two = text.substr(0, 2);
  const std::string_view one = text.substr(0, 1);
  if (two == "&&") return {TokenKind::kAnd, two};
  if (two == "||") return {TokenKind::kOr, two};
  if (two == "==" || two == "!=" || two == "<=" || two == ">=") return {TokenKind::kRelation, two};
  if (one == "=" || one == "<" || one == ">" || one == "&") return {TokenKind::kRelation, one};
  if (one == "(") return {TokenKind::kOpen, one};
  if (one == ")") return {TokenKind::kClose, one};
  if (one == "!") return {TokenKind::kNot, one};
  return {TokenKind::kEnd, one};
}

}  // namespace

std::optional<std::vector<Token>> tokenise(std::string_view expression, FilterMistake& mistake) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < expression.size();) {
    const char c = expression[at];
    const std::string_view rest = expression.substr(at);
    if (is_blank(c)) {
      ++at;
    } else if (c == '\'' || c == '"') {
      const std::size_t close = expression.find(c, at + 1);
      if (close == std::string_view::npos) {
        mistake = {at, fmt::format("the quote {} is never closed", c)};
        return std::nullopt;
      }
      tokens.push_back({TokenKind::kQuoted, expression.substr(at + 1, close - at - 1), at});
      at = close + 1;
    } else if (is_sign(c)) {
      Token token = sign_at(rest);
      if (token.kind == TokenKind::kEnd) {
        mistake = {at, "a single '|' means nothing here: write 'or' or '||'"};
        return std::nullopt;
      }
      token.offset = at;
      tokens.push_back(token);
      at += token.text.size();
    } else {
      const std::size_t count = word_chars(rest);
      tokens.push_back({TokenKind::kWord, rest.substr(0, count), at});
      at += count;
    }
  }
  tokens.push_back({TokenKind::kEnd, {}, expression.size()});
  return tokens;
}

}  // namespace tapline::query

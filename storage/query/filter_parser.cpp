#include "storage/query/filter_parser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/filter_field.hpp"
#include "storage/query/filter_keywords.hpp"
#include "storage/query/filter_names.hpp"
#include "storage/query/filter_token.hpp"
#include "storage/query/filter_words.hpp"

namespace tapline::query {
namespace {

using NodeIndex = std::optional<std::uint32_t>;

Term bare_proto_term(std::string_view word) {
  Term term;
  term.kind = TermKind::kProtocol;
  term.ip_proto = *parse_ip_proto(word);
  // As in tcpdump: ICMP belongs to IPv4 and ICMPv6 to IPv6.
  if (term.ip_proto == kIpProtoIcmp) term.family = Family::kIpv4;
  if (term.ip_proto == kIpProtoIcmpv6) term.family = Family::kIpv6;
  return term;
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, TimeNs now_ns, FilterMistake& mistake)
      : tokens_(std::move(tokens)), now_ns_(now_ns), mistake_(mistake) {}

  std::optional<Ast> run() {
    if (peek().kind == TokenKind::kEnd) return std::move(ast_);
    const NodeIndex root = expression(false);
    if (!root) return std::nullopt;
    if (peek().kind == TokenKind::kClose) return fail(peek(), "this ')' closes nothing");
    if (peek().kind != TokenKind::kEnd) {
      return fail(peek(), fmt::format("'and' or 'or' is missing before '{}'", peek().text));
    }
    ast_.root = *root;
    return std::move(ast_);
  }

 private:
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token take() {
    const Token token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  /// The token in lower case if it is a word, else "".
  std::string word(std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kWord ? lower_case(peek(ahead).text) : std::string();
  }
  bool is_and() const { return peek().kind == TokenKind::kAnd || word() == "and"; }
  bool is_or() const { return peek().kind == TokenKind::kOr || word() == "or"; }
  bool is_not() const { return peek().kind == TokenKind::kNot || word() == "not"; }

  std::nullopt_t fail(std::size_t offset, std::string message, ErrorCode code = ErrorCode::kInvalid) {
    mistake_ = {offset, std::move(message), code};
    return std::nullopt;
  }
  std::nullopt_t fail(const Token& token, std::string message) {
    return fail(token.offset, std::move(message));
  }

  NodeIndex add(const Token& at, const Result<Term>& term) {
    if (!term) return fail(at, term.error().context);
    return ast_.add_term(*term);
  }

  NodeIndex expression(bool ids_only);
  NodeIndex operand(bool ids_only);
  NodeIndex parenthesised(bool ids_only);
  NodeIndex term();
  NodeIndex keyword_term(const std::string& first);
  NodeIndex qualified_term();
  bool read_protocol(Qualifier& qualifier, std::string& protocol);
  void read_side_and_type(Qualifier& qualifier);
  bool check_qualifier(const Token& at, const Qualifier& qualifier, std::string_view protocol);
  NodeIndex ether_term();
  NodeIndex tag_term(TermKind kind, std::int64_t largest);
  NodeIndex length_term(Relation relation);
  NodeIndex uid_word_term();
  NodeIndex id();
  NodeIndex field_term();
  NodeIndex five_tuple_term();

  std::vector<Token> tokens_;
  TimeNs now_ns_;
  FilterMistake& mistake_;
  Ast ast_;
  std::size_t at_ = 0;
  std::uint32_t depth_ = 0;
  std::optional<Qualifier> qualifier_;  // of the last id: what a bare id after it inherits
};

// The conjunction before the first `or` is one operand of it; an `and` after an `or` has two readings
// (tcpdump's from left to right, everybody else's with `and` first) and is refused: README.md, Decisions.
NodeIndex Parser::expression(bool ids_only) {
  std::vector<std::uint32_t> conjunction;
  std::vector<std::uint32_t> alternatives;
  std::vector<std::uint32_t>* operands = &conjunction;
  while (true) {
    const NodeIndex node = operand(ids_only);
    if (!node) return std::nullopt;
    operands->push_back(*node);
    if (is_or()) {
      if (alternatives.empty()) alternatives.push_back(ast_.add_group(AstKind::kAnd, conjunction));
      operands = &alternatives;
    } else if (!is_and()) {
      break;
    } else if (!alternatives.empty()) {
      return fail(peek(),
                  "'and' after 'or' has two readings: write '(A or B) and C', as tcpdump reads it, or "
                  "'A or (B and C)'");
    }
    take();
  }
  if (alternatives.empty()) return ast_.add_group(AstKind::kAnd, conjunction);
  return ast_.add_group(AstKind::kOr, alternatives);
}

NodeIndex Parser::operand(bool ids_only) {
  bool negated = false;
  for (; is_not(); take()) negated = !negated;
  NodeIndex node;
  if (peek().kind == TokenKind::kOpen) {
    node = parenthesised(ids_only);
  } else if (ids_only && peek(1).kind == TokenKind::kRelation) {
    node = fail(peek(), "only ids may stand in the parentheses after a qualifier");
  } else {
    node = ids_only ? id() : term();
  }
  if (node && negated) ast_.nodes[*node].negated ^= true;
  return node;
}

NodeIndex Parser::parenthesised(bool ids_only) {
  const Token open = take();
  if (depth_ == kFilterDepthMax) {
    return fail(open.offset, fmt::format("more than {} parentheses inside each other", kFilterDepthMax),
                ErrorCode::kLimit);
  }
  ++depth_;
  const NodeIndex node = expression(ids_only);
  --depth_;
  if (!node) return std::nullopt;
  if (peek().kind == TokenKind::kEnd) return fail(open, "this '(' is never closed");
  if (peek().kind != TokenKind::kClose) {
    return fail(peek(), fmt::format("'and' or 'or' is missing before '{}'", peek().text));
  }
  take();
  if (!ids_only) qualifier_.reset();
  return node;
}

NodeIndex Parser::term() {
  const Token& token = peek();
  if (token.kind == TokenKind::kQuoted) return fail(token, "only the value of a field may stand in quotes");
  const std::string first = word();
  if (first.empty() || first == "and" || first == "or") {
    return fail(token, token.kind == TokenKind::kEnd
                           ? std::string("something is missing at the end")
                           : fmt::format("something is missing before '{}'", token.text));
  }
  if (peek(1).kind == TokenKind::kRelation) return field_term();
  const bool is_id = qualifier_ && !is_keyword(first) && !is_proto_word(first) && first != "final" &&
                     !looks_like_five_tuple(first) && !is_community_id(token.text) && !parse_uid(token.text);
  if (is_id) return id();
  qualifier_.reset();
  return keyword_term(first);
}

NodeIndex Parser::keyword_term(const std::string& first) {
  const Token& token = peek();
  if (first == "ether") return ether_term();
  if (family_word(first) || id_type_word(first) || side_word(first) || is_proto_word(first))
    return qualified_term();
  if (first == "vlan") return tag_term(TermKind::kVlan, 4095);
  if (first == "mpls") return tag_term(TermKind::kMpls, 0xfffff);
  if (first == "less") return length_term(Relation::kLessEqual);
  if (first == "greater") return length_term(Relation::kGreaterEqual);
  if (first == "uid") return uid_word_term();
  if (first == "final")
    return add(take(), make_field_term(*find_field("final"), Relation::kEqual, "true", now_ns_));
  if (is_community_id(token.text)) return add(token, community_id_term(take().text));
  if (const Result<Uid> uid = parse_uid(token.text)) return add(take(), uid_term(*uid));
  if (looks_like_five_tuple(first)) return five_tuple_term();
  return fail(token, explain_unknown_word(first));
}

NodeIndex Parser::qualified_term() {
  const Token start = peek();
  Qualifier qualifier;
  std::string protocol;
  if (!read_protocol(qualifier, protocol)) {
    if (qualifier.family == Family::kAny) return ast_.add_term(bare_proto_term(protocol));
    Term term;
    term.kind = TermKind::kEthertype;
    term.value = *parse_ethertype(protocol);
    return ast_.add_term(term);
  }
  read_side_and_type(qualifier);
  if (!check_qualifier(start, qualifier, protocol)) return std::nullopt;
  qualifier_ = qualifier;
  return peek().kind == TokenKind::kOpen ? parenthesised(true) : id();
}

/// Takes a leading protocol, if there is one; false where it stands alone and so is a term itself.
bool Parser::read_protocol(Qualifier& qualifier, std::string& protocol) {
  const std::string first = word();
  if (const auto family = family_word(first)) {
    qualifier.family = *family;
  } else if (is_proto_word(first)) {
    qualifier.ip_proto = *parse_ip_proto(first);
  } else {
    return true;
  }
  protocol = first;
  take();
  return side_word(word()) || id_type_word(word());
}

void Parser::read_side_and_type(Qualifier& qualifier) {
  const std::optional<Side> side = side_word(word());
  if (side) {
    qualifier.side = *side;
    take();
    const std::optional<Side> second = side_word(word(1));
    if ((is_and() || is_or()) && second && *second != *side) {
      qualifier.side = is_or() ? Side::kEither : Side::kBoth;
      take();
      take();
    }
  }
  const std::optional<IdType> type = id_type_word(word());
  if (type) {
    qualifier.type = *type;
    take();
  }
}

bool Parser::check_qualifier(const Token& at, const Qualifier& qualifier, std::string_view protocol) {
  const bool is_port = qualifier.type == IdType::kPort || qualifier.type == IdType::kPortRange;
  if (qualifier.type == IdType::kProto && qualifier.side != Side::kEither) {
    fail(at, "'proto' has no direction: leave out src and dst");
  } else if (is_port && qualifier.ip_proto != 0 && !proto_has_ports(qualifier.ip_proto)) {
    fail(at, fmt::format("'{}' has no ports: only tcp, udp and sctp have", protocol));
  } else if (is_port ? qualifier.family != Family::kAny : qualifier.ip_proto != 0) {
    fail(at, fmt::format("'{}' cannot stand before this: write '{} and ...'", protocol, protocol));
  } else if (qualifier.type == IdType::kProto &&
             (qualifier.family == Family::kArp || qualifier.family == Family::kRarp)) {
    fail(at, fmt::format("'{}' carries no IP protocol", protocol));
  } else {
    return true;
  }
  return false;
}

NodeIndex Parser::ether_term() {
  const Token ether = take();
  if (word() != "proto")
    return fail(ether, "of 'ether' only 'ether proto' is known: MAC addresses are not kept");
  take();
  qualifier_ = Qualifier{IdType::kEtherProto, Side::kEither, Family::kAny, 0};
  return peek().kind == TokenKind::kOpen ? parenthesised(true) : id();
}

NodeIndex Parser::tag_term(TermKind kind, std::int64_t largest) {
  take();
  Term term;
  term.kind = kind;
  term.value = -1;
  const Token number = peek();
  if (number.kind == TokenKind::kWord && number.text.front() >= '0' && number.text.front() <= '9' &&
      peek(1).kind != TokenKind::kRelation) {
    const auto value = parse_number(number.text, static_cast<std::uint64_t>(largest));
    if (!value) return fail(number, fmt::format("'{}' is not a number from 0 to {}", number.text, largest));
    term.value = static_cast<std::int64_t>(*value);
    take();
  }
  return ast_.add_term(term);
}

NodeIndex Parser::length_term(Relation relation) {
  take();
  const Token number = take();
  const auto value = number.kind == TokenKind::kWord ? parse_number(number.text, UINT32_MAX) : std::nullopt;
  if (!value) return fail(number, "a frame length in bytes is missing here");
  Term term;
  term.kind = TermKind::kLength;
  term.relation = relation;
  term.value = static_cast<std::int64_t>(*value);
  return ast_.add_term(term);
}

NodeIndex Parser::uid_word_term() {
  take();
  const Token token = take();
  return add(token, make_field_term(*find_field("uid"), Relation::kEqual, token.text, now_ns_));
}

NodeIndex Parser::id() {
  const Token token = peek();
  const std::string lower = word();
  if (token.kind != TokenKind::kWord || lower == "and" || lower == "or" || lower == "not") {
    return fail(token, "an address, net, port or protocol is missing here");
  }
  take();
  if (qualifier_->type == IdType::kNet && word() == "mask") {
    take();
    const Token mask = take();
    return add(token, make_masked_net_term(*qualifier_, token.text, mask.text));
  }
  const Result<Term> term = make_id_term(*qualifier_, token.text);
  if (!term && is_keyword(lower)) {
    return fail(token, fmt::format("an address, net, port or protocol is missing before '{}'", token.text));
  }
  return add(token, term);
}

NodeIndex Parser::field_term() {
  const Token name_token = take();
  const Token sign = take();
  const std::string name = lower_case(name_token.text);
  qualifier_.reset();
  const FieldSpec* const spec = find_field(name);
  if (spec == nullptr) return fail(name_token, explain_unknown_field(name));
  const Relation relation = *relation_sign(sign.text);
  const bool is_equality = relation == Relation::kEqual || relation == Relation::kNotEqual;
  if (is_equality_only(spec->type) && !is_equality) {
    return fail(sign, fmt::format("{} can only be compared with = and !=", name));
  }
  if (spec->type == FieldType::kTcpFlags ? !is_equality && relation != Relation::kAnyBit
                                         : relation == Relation::kAnyBit) {
    return fail(sign, spec->type == FieldType::kTcpFlags
                          ? fmt::format("{} can only be compared with =, != and & (any of)", name)
                          : std::string("'&' is for tcp_flags: write 'and' or '&&' between terms"));
  }
  const Token value = peek();
  if (value.kind != TokenKind::kWord && value.kind != TokenKind::kQuoted) {
    return fail(value, fmt::format("a value for {} is missing here", name));
  }
  return add(take(), make_field_term(*spec, relation, value.text, now_ns_));
}

NodeIndex Parser::five_tuple_term() {
  const Token token = take();
  std::size_t error_offset = 0;
  const Result<Term> term = parse_five_tuple(token.text, error_offset);
  if (!term) return fail(token.offset + error_offset, term.error().context);
  return ast_.add_term(*term);
}

}  // namespace

std::optional<Ast> parse_ast(std::string_view expression, TimeNs now_ns, FilterMistake& mistake) {
  std::optional<std::vector<Token>> tokens = tokenise(expression, mistake);
  if (!tokens) return std::nullopt;
  std::optional<Ast> ast = Parser(std::move(*tokens), now_ns, mistake).run();
  if (ast && !ast->matches_all() && ast->nodes[ast->root].levels > kFilterDepthMax) {
    mistake = {0, fmt::format("more than {} levels of 'and' and 'or'", kFilterDepthMax), ErrorCode::kLimit};
    return std::nullopt;
  }
  return ast;
}

}  // namespace tapline::query

#include "storage/query/filter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "capture/packet/protocol_numbers.hpp"
#include "storage/query/filter_error.hpp"
#include "storage/query/filter_evaluate.hpp"
#include "storage/query/filter_index.hpp"
#include "storage/query/filter_parser.hpp"
#include "storage/query/filter_program.hpp"

namespace tapline::query {

struct CompiledFilter {
  Ast ast;
  std::string text;  // canonical
  std::vector<Network> home_nets;
  FilterProgram packet_program;
  FilterProgram session_program;
  FilterProgram session_frames_program;
  FilterProgram tunnel_frames_program;
  bool has_session_terms = false;
  bool has_packet_terms = false;
};

namespace {

/// The only term of a filter that is one term, not negated.
const Term* only_term(const Ast& ast) {
  if (ast.matches_all()) return nullptr;
  const AstNode& root = ast.nodes[ast.root];
  return root.kind == AstKind::kTerm && !root.negated ? &ast.terms[root.term] : nullptr;
}

/// By its protocol, or a port of it.
bool may_carry_packets(const FlowKey& key) {
  switch (key.ip_proto) {
    case kIpProtoIpv4:
    case kIpProtoIpv6:
    case kIpProtoGre:
    case kIpProtoEtherIp:
    case kIpProtoMpls:
      return true;
    case kIpProtoUdp:
      return is_tunnel_port(key.port_a) || is_tunnel_port(key.port_b);
    default:
      return false;
  }
}

bool run_on_session(const FilterProgram& program, const SessionRecord& session,
                    const std::vector<Network>& home_nets) {
  return run(program, [&](const Term& term) { return matches_session_term(term, session, home_nets); });
}

}  // namespace

Filter::Filter(std::shared_ptr<const CompiledFilter> compiled) : compiled_(std::move(compiled)) {}

Result<Filter> Filter::parse(std::string_view text, const FilterOptions& options) {
  if (text.size() > kFilterBytesMax) {
    return Error{ErrorCode::kLimit,
                 fmt::format("filter: {} bytes long, at most {}", text.size(), kFilterBytesMax)};
  }
  FilterMistake mistake;
  std::optional<Ast> ast = parse_ast(text, options.now_ns, mistake);
  if (!ast) return filter_error(text, mistake);
  auto compiled = std::make_shared<CompiledFilter>();
  compiled->text = ast_text(*ast);
  if (compiled->text.size() > kFilterBytesMax) {
    return Error{ErrorCode::kLimit, fmt::format("filter: {} bytes long when written out, at most {}",
                                                compiled->text.size(), kFilterBytesMax)};
  }
  compiled->packet_program = compile(*ast, ProgramSubject::kPacket);
  compiled->session_program = compile(*ast, ProgramSubject::kSession);
  compiled->session_frames_program = compile(*ast, ProgramSubject::kSessionFrames);
  compiled->tunnel_frames_program = compile(*ast, ProgramSubject::kTunnelFrames);
  const auto is_session = [](const Term& term) { return is_session_term(term.kind); };
  compiled->has_session_terms = std::any_of(ast->terms.begin(), ast->terms.end(), is_session);
  compiled->has_packet_terms = !std::all_of(ast->terms.begin(), ast->terms.end(), is_session);
  compiled->home_nets = options.home_nets;
  compiled->ast = std::move(*ast);
  return Filter(std::move(compiled));
}

bool Filter::matches_packet(const Frame& frame, const PacketMeta& meta, const SessionRecord* session) const {
  const CompiledFilter& filter = *compiled_;
  if (filter.has_session_terms && session == nullptr) return false;
  PacketView packet(frame, meta);
  return run(filter.packet_program, [&](const Term& term) {
    return is_session_term(term.kind) ? matches_session_term(term, *session, filter.home_nets)
                                      : matches_packet_term(term, packet);
  });
}

bool Filter::matches_session(const SessionRecord& session) const {
  return run_on_session(compiled_->session_program, session, compiled_->home_nets);
}

bool Filter::may_match_frames(const SessionRecord& session) const {
  const bool alone = session.key.tunnel_id == 0 && !may_carry_packets(session.key);
  return run_on_session(alone ? compiled_->session_frames_program : compiled_->tunnel_frames_program, session,
                        compiled_->home_nets);
}

bool Filter::has_session_terms() const {
  return compiled_->has_session_terms;
}

bool Filter::has_packet_terms() const {
  return compiled_->has_packet_terms;
}

bool Filter::has_length_terms() const {
  return std::any_of(compiled_->ast.terms.begin(), compiled_->ast.terms.end(),
                     [](const Term& term) { return term.kind == TermKind::kLength; });
}

IndexQuery Filter::index_query() const {
  return index_query_of(compiled_->ast);
}

std::optional<Uid> Filter::single_uid() const {
  const Term* const term = only_term(compiled_->ast);
  const bool one = term != nullptr && term->field == Field::kUid && term->relation == Relation::kEqual;
  if (!one) return std::nullopt;
  return term_uid(*term);
}

std::optional<FlowKey> Filter::single_flow() const {
  const Term* const term = only_term(compiled_->ast);
  if (term == nullptr || !names_one_flow(*term)) return std::nullopt;
  return term_flow_key(*term);
}

std::string Filter::to_string() const {
  return compiled_->text;
}

}  // namespace tapline::query

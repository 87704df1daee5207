#include "storage/query/extraction.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/packet/decode.hpp"
#include "capture/packet/icmp_quote.hpp"
#include "capture/packet/packet_layers.hpp"
#include "storage/query/fragment_ties.hpp"
#include "storage/query/session_question.hpp"
#include "storage/query/session_selection.hpp"
#include "storage/query/session_visit.hpp"
#include "storage/session_lookup.hpp"

namespace tapline::query {

namespace {

/// One of those within a frame.
struct Packet {
  const Frame& frame;
  const PacketMeta& meta;
};

}  // namespace

struct Extraction::State {
  PacketQuestion question;
  TimeWindow window;  // narrowed to the sessions, and what belongs to them
  TimeNs until_ns;    // end of the sessions' own frames within it
  std::optional<SessionSelection> sessions;
  std::optional<FragmentTies> fragments;  // of the sessions
  bool everything = false;                // within the window: neither sessions nor a filter
  PlanTotals totals;
  std::vector<std::string> warnings;
  Coverage coverage;
  std::optional<FrameMerge> merge;  // last: its threads ask accepts()

  explicit State(PacketQuestion asked)
      : question(std::move(asked)), window(question.window), until_ns(window.until_ns) {}

  Status select_sessions(const storage::Catalog& catalog);
  Status find_carriers(const storage::Catalog& catalog, const TimeWindow& around, const ReadLimits& limits);
  bool carries_a_session(const Frame& carrier, const PacketMeta& meta) const;
  Status tie_fragments(const storage::Catalog& catalog, const ReadLimits& limits,
                       const SliceProgress* progress);
  /// From several threads at once.
  bool accepts(const Frame& frame) const;
  bool accepts_of_sessions(const Packet& packet, const Packet& outermost) const;
  bool accepts(const SessionSelection::Match& match, const Packet& packet, const Packet& outermost) const;
  bool is_wanted_side(const SessionSelection::Match& match) const {
    return question.side == SessionSide::kBoth ||
           match.from_originator == (question.side == SessionSide::kOriginator);
  }
};

namespace {

/// A later fragment as its first one shows it: with ports.
PacketMeta with_ports(PacketMeta meta, const SessionSelection::Match& match) {
  const SessionRecord& session = *match.session;
  const bool from_a = match.from_originator == (session.originator == Direction::kAToB);
  meta.src_port = from_a ? session.key.port_a : session.key.port_b;
  meta.dst_port = from_a ? session.key.port_b : session.key.port_a;
  meta.flags = static_cast<std::uint16_t>((meta.flags | kMetaPorts) & ~unsigned{kMetaLaterFragment});
  return meta;
}

bool has_first_fragment(const Frame& frame) {
  PacketMeta meta;
  decode(frame, meta);
  return any_packet(frame, meta,
                    [](const Frame&, const PacketMeta& packet) { return packet.is_first_fragment(); });
}

bool wants_sessions(const PacketQuestion& question) {
  return question.flow || question.filter.single_uid() || question.filter.has_session_terms();
}

}  // namespace

Status Extraction::State::select_sessions(const storage::Catalog& catalog) {
  sessions.emplace(question.pad_ns);
  const std::optional<Uid> uid = question.flow ? question.flow : question.filter.single_uid();
  if (uid) {
    std::vector<Error> unreadable;
    const std::optional<SessionRecord> record =
        storage::find_newest_record(session_paths(catalog), *uid, unreadable);
    if (!record) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("no session {} in the store; `tapline flows` lists them{}", format_uid(*uid),
                               unreadable.empty() ? "" : " (" + unreadable[0].context + ")")};
    }
    sessions->add(*record);
    coverage.add_unreadable_files(catalog.sessions, unreadable);
  } else {
    const TimeWindow padded{saturating_add(window.since_ns, -question.pad_ns),
                            saturating_add(window.until_ns, question.pad_ns)};
    const Result<SessionAnswer> answer = find_sessions_of_frames(catalog, question.filter, padded);
    if (!answer) return answer.error();
    for (const SessionRecord& record : answer->sessions) sessions->add(record);
    coverage.add_unreadable_files(catalog.sessions, answer->unreadable);
  }
  const TimeWindow around = sessions->window();
  until_ns = std::min(window.until_ns, around.until_ns);
  window.since_ns = std::max(window.since_ns, saturating_add(around.since_ns, -kTiedNs));
  window.until_ns = std::min(window.until_ns, saturating_add(around.until_ns, kTiedNs));
  return {};
}

/// Flows whose fragmented datagrams carry packets of sessions in tunnels, wherever they came: their first
/// fragments show them, and stand in the blocks of the sessions.
Status Extraction::State::find_carriers(const storage::Catalog& catalog, const TimeWindow& around,
                                        const ReadLimits& limits) {
  const IndexQuery carried = IndexQuery::disjunction({sessions->index_query(), sessions->fragment_query()});
  Result<Plan> plan = make_plan(catalog, carried, around, limits);
  if (!plan) return plan.error();
  totals.planning_bytes_read += plan->totals.planning_bytes_read;
  FrameMerge firsts(std::move(plan->segments), has_first_fragment, limits);
  while (const Frame* frame = firsts.next()) {
    PacketMeta meta;
    decode(*frame, meta);
    any_packet(*frame, meta, [this](const Frame& carrier, const PacketMeta& carrier_meta) {
      if (carrier_meta.is_first_fragment() && carries_a_session(carrier, carrier_meta)) {
        FlowKey key;
        make_flow_key(carrier, carrier_meta, 0, key);
        sessions->add_carrier(key);
      }
      return false;
    });
  }
  totals.planning_bytes_read += firsts.bytes_read();
  return {};
}

bool Extraction::State::carries_a_session(const Frame& carrier, const PacketMeta& meta) const {
  return meta.has(kMetaTunnel) &&
         any_inner_packet(carrier, meta, [this](const Frame& packet, const PacketMeta& packet_meta) {
           if (sessions->find(packet, packet_meta).session != nullptr) return true;
           if (!packet_meta.has(kMetaLaterFragment)) return false;
           FlowKey key;
           make_flow_key(packet, packet_meta, 0, key);
           return sessions->has_fragments_of(key);
         });
}

/// Finds the first fragments; the index names the few blocks that have any. Reads them before the others,
/// because a later fragment may have come before the first one.
Status Extraction::State::tie_fragments(const storage::Catalog& catalog, const ReadLimits& limits,
                                        const SliceProgress* progress) {
  // The first one may stand before the window that was asked for, or behind it.
  const TimeWindow of_sessions = sessions->window();
  TimeWindow around{saturating_add(std::max(question.window.since_ns, of_sessions.since_ns), -kTiedNs),
                    saturating_add(std::min(question.window.until_ns, of_sessions.until_ns), kTiedNs)};
  if (progress != nullptr)
    around.since_ns = std::max(around.since_ns, saturating_add(progress->slice().since_ns, -kTiedNs));
  if (sessions->in_tunnels()) TAPLINE_TRY(find_carriers(catalog, around, limits));
  Result<Plan> plan = make_plan(catalog, sessions->fragment_query(), around, limits);
  if (!plan) return plan.error();
  totals.planning_bytes_read += plan->totals.planning_bytes_read;
  FrameMerge firsts(std::move(plan->segments), has_first_fragment, limits);
  fragments.emplace(*sessions);
  while (const Frame* first = firsts.next()) {
    PacketMeta meta;
    decode(*first, meta);
    const bool full = any_packet(*first, meta, [&](const Frame& frame, const PacketMeta& packet) {
      return packet.is_first_fragment() &&
             !fragments->add(frame, packet,
                             [&](const auto& match, const Frame& inner, const PacketMeta& inner_meta) {
                               return accepts(match, {inner, inner_meta}, {*first, meta});
                             });
    });
    if (!full) continue;
    warnings.push_back(
        fmt::format("more than {} fragmented datagrams: of those after {} only the first "
                    "fragments are given; ask for shorter windows",
                    FragmentTies::kFirstsMax, format_rfc3339(first->time_ns)));
    break;
  }
  fragments->sort();
  for (const UnreadableSegment& segment : firsts.unreadable())
    warnings.push_back(
        fmt::format("{}: fragments may be missing whose first one was there; `tapline verify` "
                    "looks at the whole store",
                    segment.error.context));
  totals.planning_bytes_read += firsts.bytes_read();
  return {};
}

bool Extraction::State::accepts(const Frame& frame) const {
  if (!window.contains(frame.time_ns)) return false;
  if (everything) return true;
  PacketMeta meta;
  decode(frame, meta);
  if (sessions) {
    return any_packet(frame, meta, [&](const Frame& packet, const PacketMeta& packet_meta) {
      return accepts_of_sessions({packet, packet_meta}, {frame, meta});
    });
  }
  return question.filter.matches_packet(frame, meta, nullptr);
}

bool Extraction::State::accepts_of_sessions(const Packet& packet, const Packet& outermost) const {
  const auto& [frame, meta] = packet;
  if (meta.has(kMetaLaterFragment)) {
    const FragmentTies::Tie tie = fragments->find(frame, meta);
    if (tie.carries) return true;
    if (tie.own.session != nullptr) return accepts(tie.own, {frame, with_ports(meta, tie.own)}, outermost);
  }
  const SessionSelection::Match own = sessions->find(frame, meta);
  if (own.session != nullptr && accepts(own, packet, outermost)) return true;
  const std::optional<QuotedPacket> quoted = read_icmp_quote(frame, meta);
  if (!quoted) return false;
  const SessionSelection::Match about = sessions->find_quoted(*quoted, frame.time_ns);
  return about.session != nullptr && accepts(about, {quoted->frame, quoted->meta}, outermost);
}

/// What the filter asks of packets may be true of any within the frame.
bool Extraction::State::accepts(const SessionSelection::Match& match, const Packet& packet,
                                const Packet& outermost) const {
  if (!is_wanted_side(match)) return false;
  const bool within = packet.meta.tunnel_id != 0 && !packet.meta.has(kMetaFragment);
  const Packet& asked = within ? outermost : packet;
  return question.filter.matches_packet(asked.frame, asked.meta, match.session);
}

Result<Extraction> Extraction::prepare(const storage::Store& store, const PacketQuestion& question,
                                       const ReadLimits& limits) {
  Result<Coverage> coverage = read_coverage(store, question.window, QuestionKind::kPackets);
  if (!coverage) return coverage.error();
  return prepare(store, question, std::move(*coverage), limits, nullptr);
}

Result<Extraction> Extraction::prepare_slice(const storage::Store& store, const PacketQuestion& question,
                                             Coverage coverage, const ReadLimits& limits,
                                             SliceProgress& progress) {
  return prepare(store, question, std::move(coverage), limits, &progress);
}

Result<Extraction> Extraction::prepare(const storage::Store& store, const PacketQuestion& question,
                                       Coverage coverage, const ReadLimits& limits, SliceProgress* progress) {
  auto state = std::make_unique<State>(question);
  if (question.side != SessionSide::kBoth && !wants_sessions(question)) {
    return Error{ErrorCode::kInvalid,
                 "--side needs sessions to know who opened them: use --flow or session fields"};
  }
  state->coverage = std::move(coverage);
  const Result<storage::Catalog> catalog = storage::Catalog::scan(store);  // after the coverage
  if (!catalog) return catalog.error();
  state->coverage.add_expired(*catalog, QuestionKind::kPackets);

  IndexQuery index_query = question.filter.index_query();
  if (wants_sessions(question)) {
    TAPLINE_TRY(state->select_sessions(*catalog));
    TAPLINE_TRY(state->tie_fragments(*catalog, limits, progress));
    index_query = IndexQuery::conjunction({std::move(index_query), state->sessions->index_query()});
    // Fragments have no ports that the filter may ask for. What one slice does not ask for is not there for
    // the next ones.
    if (progress != nullptr || !state->fragments->empty())
      index_query = IndexQuery::disjunction({std::move(index_query), state->sessions->fragment_query()});
  }
  state->everything = !wants_sessions(question) && question.filter.to_string().empty();
  Result<Plan> plan = make_plan(*catalog, index_query, state->window, limits, progress);
  if (!plan) return plan.error();
  state->coverage.add_plan(*plan);
  plan->totals.planning_bytes_read += state->totals.planning_bytes_read;
  state->totals = plan->totals;
  std::ranges::move(plan->warnings, std::back_inserter(state->warnings));
  FrameMerge::Accept accept;  // none: every frame
  if (!state->everything || state->window.limited())
    accept = [raw = state.get()](const Frame& frame) { return raw->accepts(frame); };
  state->merge.emplace(std::move(plan->segments), std::move(accept), limits);
  return Extraction(std::move(state));
}

Extraction::Extraction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Extraction::Extraction(Extraction&&) noexcept = default;
Extraction& Extraction::operator=(Extraction&&) noexcept = default;
Extraction::~Extraction() = default;

const PlanTotals& Extraction::plan_totals() const {
  return state_->totals;
}
TimeNs Extraction::until_ns() const {
  return state_->until_ns;
}
const std::vector<FrameMerge::LaterBlock>& Extraction::later_blocks() const {
  return state_->merge->later_blocks();
}
const std::vector<std::string>& Extraction::warnings() const {
  return state_->warnings;
}
const Frame* Extraction::next() {
  return state_->merge->next();
}
bool Extraction::at_end() const {
  return state_->merge->at_end();
}
TimeNs Extraction::given_until_ns() const {
  return state_->merge->given_until_ns();
}
std::span<const FrameRun> Extraction::next_runs() {
  return state_->merge->next_runs();
}
std::uint64_t Extraction::blocks_read() const {
  return state_->merge->blocks_read();
}
std::uint64_t Extraction::bytes_read() const {
  return state_->merge->bytes_read();
}

Coverage Extraction::coverage() const {
  Coverage coverage = state_->coverage;
  coverage.add_unreadable(state_->merge->unreadable());
  merge_holes(coverage.holes);
  return coverage;
}

}  // namespace tapline::query

#include "storage/query/extraction.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "capture/packet/decode.hpp"
#include "storage/query/session_question.hpp"
#include "storage/query/session_selection.hpp"
#include "storage/query/session_visit.hpp"
#include "storage/session_lookup.hpp"

namespace tapline::query {

struct Extraction::State {
  PacketQuestion question;
  TimeWindow window;  // narrowed to the sessions
  std::optional<SessionSelection> sessions;
  bool everything = false;  // within the window: neither sessions nor a filter
  PlanTotals totals;
  std::vector<std::string> warnings;
  Coverage coverage;
  std::optional<FrameMerge> merge;  // last: its threads ask accepts()

  explicit State(PacketQuestion asked) : question(std::move(asked)), window(question.window) {}

  Status select_sessions(const storage::Catalog& catalog);
  /// From several threads at once.
  bool accepts(const Frame& frame) const;
};

namespace {

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
  window.since_ns = std::max(window.since_ns, around.since_ns);
  window.until_ns = std::min(window.until_ns, around.until_ns);
  return {};
}

bool Extraction::State::accepts(const Frame& frame) const {
  if (!window.contains(frame.time_ns)) return false;
  if (everything) return true;
  PacketMeta meta;
  decode(frame, meta);
  if (!sessions) return question.filter.matches_packet(frame, meta, nullptr);
  const SessionSelection::Match match = sessions->find(frame, meta);
  if (match.session == nullptr) return false;
  if (question.side != SessionSide::kBoth &&
      match.from_originator != (question.side == SessionSide::kOriginator))
    return false;
  return question.filter.matches_packet(frame, meta, match.session);
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
    index_query = IndexQuery::conjunction({std::move(index_query), state->sessions->index_query()});
  }
  state->everything = !wants_sessions(question) && question.filter.to_string().empty();
  Result<Plan> plan = make_plan(*catalog, index_query, state->window, limits, progress);
  if (!plan) return plan.error();
  state->coverage.add_plan(*plan);
  state->totals = plan->totals;
  state->warnings = std::move(plan->warnings);
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
  return state_->window.until_ns;
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

#include "storage/scrubber.hpp"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "capture/base/size.hpp"
#include "storage/verification.hpp"

namespace tapline::storage {
namespace {

constexpr std::size_t kNoticesMax = 64;  // not taken yet; beyond that the state has it all the same

std::string name_of(const CatalogFile& file) {
  return std::filesystem::path(file.path).filename().string();
}

/// Memory would verify for ever what the disk has lost long ago. Pages that were not written yet stay.
void drop_from_memory(const std::string& path) {
  if (const Result<File> file = File::open_read(path))
    static_cast<void>(::posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_DONTNEED));
}

void drop_from_memory(const CatalogFile& file) {
  drop_from_memory(file.path);
  if (file.path.ends_with(kPacketSuffix)) drop_from_memory(index_path_of(file.path));
}

}  // namespace

Scrubber::Scrubber(const Store& store, const ScrubConfig& config)
    : store_(store),
      config_(config),
      budget_(config.bytes_per_second, config.steady_clock),
      saved_at_ns_(config.steady_clock()) {
  Result<ScrubState> known = load_scrub_state(store_);
  if (known) state_ = std::move(*known);
  pass_ended_ = state_.pass_begun_at_ns != 0 && state_.last_pass_begun_at_ns == state_.pass_begun_at_ns;
}

bool Scrubber::step() {
  if (stop_requested()) return false;
  const Result<Catalog> catalog = Catalog::scan(store_);
  if (!catalog) {
    say(catalog.error().context);
    return false;
  }
  forget_gone(*catalog);
  if (state_.pass_begun_at_ns == 0) begin_pass();
  std::optional<CatalogFile> file = find_next(*catalog);
  if (!file && !pass_ended_) end_pass();
  const TimeNs since_begun_ns = config_.clock() - state_.pass_begun_at_ns;
  // A clock that was set back must not end the scrubbing for good.
  if (!file && (since_begun_ns >= config_.pass_period_ns || since_begun_ns < 0)) {
    begin_pass();
    file = find_next(*catalog);
  }
  if (!file) return false;
  verify(*catalog, *file);
  if (config_.steady_clock() - saved_at_ns_ >= config_.save_period_ns) save();
  return true;
}

/// Names begin with times: the order of names is that of time, and new files come at the end.
std::optional<CatalogFile> Scrubber::find_next(const Catalog& catalog) {
  const CatalogFile* next = nullptr;
  std::string next_name;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const CatalogFile& file : *files) {
      if (file.open) continue;
      std::string name = name_of(file);
      if (name <= state_.position || (next != nullptr && name >= next_name)) continue;
      next = &file;
      next_name = std::move(name);
    }
  }
  return next != nullptr ? std::optional(*next) : std::nullopt;
}

void Scrubber::begin_pass() {
  state_.position.clear();
  state_.pass_begun_at_ns = config_.clock();
  state_.pass_files = state_.pass_bytes = state_.damages_unnamed = 0;
  pass_ended_ = false;
}

void Scrubber::end_pass() {
  pass_ended_ = true;
  state_.last_pass_begun_at_ns = state_.pass_begun_at_ns;
  state_.last_pass_ended_at_ns = config_.clock();
  state_.last_pass_files = state_.pass_files;
  state_.last_pass_bytes = state_.pass_bytes;
  save();
}

void Scrubber::forget_gone(const Catalog& catalog) {
  if (state_.damages.empty()) return;
  std::unordered_set<std::string> names;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const CatalogFile& file : *files) names.insert(name_of(file));
  }
  std::erase_if(state_.damages, [&](const ScrubDamage& damage) { return !names.contains(damage.name); });
}

void Scrubber::verify(const Catalog& catalog, const CatalogFile& file) {
  drop_from_memory(file);
  VerifyOptions options;
  options.deep = config_.deep_every != 0 &&
                 file.name.id_high % config_.deep_every ==
                     static_cast<std::uint64_t>(state_.pass_begun_at_ns / kNsPerSecond) % config_.deep_every;
  options.on_read = [this](std::uint64_t bytes) {
    wait(budget_.book(bytes));
    return !stop_requested();
  };
  const Result<VerifiedFile> verified = verify_file(file, options);
  if (verified && verified->stopped) return;
  drop_from_memory(file);
  const std::string name = name_of(file);
  state_.position = name;
  ++state_.pass_files;
  state_.pass_bytes += file.file_bytes;
  if (!verified) {
    const std::string& what = verified.error().context;
    return report(name, what, what.starts_with(index_path_of(file.path)));
  }
  if (verified->link) {
    const std::vector<std::string> breaks = find_chain_breaks(catalog, std::span(&*verified->link, 1));
    if (!breaks.empty()) return report(name, breaks.front(), false);
  }
  if (state_.remove_damage(name)) say(fmt::format("{} verifies again", file.path));
}

void Scrubber::report(const std::string& name, const std::string& what, bool index) {
  state_.add_damage(name, what, index);
  save();
  say(fmt::format("the scrub found damage: {}", what));
}

void Scrubber::say(std::string notice) {
  const std::lock_guard lock(mutex_);
  if (notices_.size() < kNoticesMax) notices_.push_back(std::move(notice));
}

std::vector<std::string> Scrubber::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

void Scrubber::request_stop() {
  const std::lock_guard lock(mutex_);
  stop_.store(true, std::memory_order_release);  // pairs with stop_requested()
  stopped_.notify_all();
}

void Scrubber::wait(TimeNs wait_ns) {
  if (wait_ns <= 0) return;
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [this] { return stop_requested(); });
}

/// Where it cannot be written, the next start begins a little earlier: no harm.
void Scrubber::save() {
  saved_at_ns_ = config_.steady_clock();
  static_cast<void>(save_scrub_state(store_, state_).ok());
}

}  // namespace tapline::storage

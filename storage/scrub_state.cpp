#include "storage/scrub_state.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace tapline::storage {
namespace {

std::string path_of(const Store& store) {
  return store.path() + "/scrub";
}

auto find_damage(std::vector<ScrubDamage>& damages, std::string_view name) {
  return std::ranges::lower_bound(damages, name, {},
                                  [](const ScrubDamage& damage) { return std::string_view(damage.name); });
}

}  // namespace

void ScrubState::add_damage(std::string_view name, std::string_view what, bool index) {
  const auto at = find_damage(damages, name);
  const std::string_view line = what.substr(0, std::min(what.find('\n'), kWhatBytesMax));
  if (at != damages.end() && at->name == name) {
    at->what = line;
    at->index = index;
  } else if (damages.size() < kDamagesMax) {
    damages.insert(at, {std::string(name), std::string(line), index});
  } else {
    ++damages_unnamed;
  }
}

bool ScrubState::remove_damage(std::string_view name) {
  const auto at = find_damage(damages, name);
  if (at == damages.end() || at->name != name) return false;
  damages.erase(at);
  return true;
}

Result<ScrubState> read_scrub_state(const TextRecord& record) {
  ScrubState state;
  state.position = record.text("position");
  const std::pair<const char*, TimeNs*> times[] = {{"pass_begun_at_ns", &state.pass_begun_at_ns},
                                                   {"last_pass_begun_at_ns", &state.last_pass_begun_at_ns},
                                                   {"last_pass_ended_at_ns", &state.last_pass_ended_at_ns}};
  for (const auto& [name, value] : times) {
    const Result<TimeNs> number = record.signed_number(name);
    if (!number) return number.error();
    *value = *number;
  }
  std::uint64_t damages = 0;
  const std::pair<const char*, std::uint64_t*> counts[] = {{"pass_files", &state.pass_files},
                                                           {"pass_bytes", &state.pass_bytes},
                                                           {"last_pass_files", &state.last_pass_files},
                                                           {"last_pass_bytes", &state.last_pass_bytes},
                                                           {"damages", &damages},
                                                           {"damages_unnamed", &state.damages_unnamed}};
  for (const auto& [name, value] : counts) {
    const Result<std::uint64_t> number = record.number(name);
    if (!number) return number.error();
    *value = *number;
  }
  if (damages > ScrubState::kDamagesMax)
    return Error{ErrorCode::kCorrupt, fmt::format("{} damages in the record of the scrub", damages)};
  for (std::uint64_t i = 0; i < damages; ++i) {
    const std::string name = record.text(fmt::format("damaged_{}", i));
    if (name.empty()) return Error{ErrorCode::kCorrupt, "a damage in the record of the scrub has no name"};
    state.add_damage(name, record.text(fmt::format("damage_{}", i)),
                     record.text(fmt::format("damage_in_{}", i)) == "index");
  }
  return state;
}

TextRecord write_scrub_state(const ScrubState& state) {
  TextRecord record;
  record.set("position", state.position);
  record.set("pass_begun_at_ns", std::to_string(state.pass_begun_at_ns));
  record.set("pass_files", std::to_string(state.pass_files));
  record.set("pass_bytes", std::to_string(state.pass_bytes));
  record.set("last_pass_begun_at_ns", std::to_string(state.last_pass_begun_at_ns));
  record.set("last_pass_ended_at", format_rfc3339(state.last_pass_ended_at_ns));
  record.set("last_pass_ended_at_ns", std::to_string(state.last_pass_ended_at_ns));
  record.set("last_pass_files", std::to_string(state.last_pass_files));
  record.set("last_pass_bytes", std::to_string(state.last_pass_bytes));
  record.set("damages", std::to_string(state.damages.size()));
  record.set("damages_unnamed", std::to_string(state.damages_unnamed));
  for (std::size_t i = 0; i < state.damages.size(); ++i) {
    record.set(fmt::format("damaged_{}", i), state.damages[i].name);
    record.set(fmt::format("damage_{}", i), state.damages[i].what);
    record.set(fmt::format("damage_in_{}", i), state.damages[i].index ? "index" : "file");
  }
  return record;
}

Result<ScrubState> load_scrub_state(const Store& store) {
  const Result<TextRecord> record = TextRecord::load(path_of(store));
  return record ? read_scrub_state(*record) : record.error();
}

Status save_scrub_state(const Store& store, const ScrubState& state) {
  return write_scrub_state(state).publish(store.disk(), path_of(store));
}

}  // namespace tapline::storage

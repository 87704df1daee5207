#pragma once
// ScrubState: how far the recorder has come in verifying its own finished files, and what it found damaged:
// the text file `scrub` of the store. Written by the recorder alone; for `status`, and to go on after a
// restart.

#include <string>
#include <string_view>
#include <vector>

#include "capture/base/time.hpp"
#include "storage/store.hpp"
#include "storage/text_record.hpp"

namespace tapline::storage {

/// One file that does not hold what it says, until it expires or verifies again.
struct ScrubDamage {
  std::string name;    // of the file, without directory
  std::string what;    // one line, at most kWhatBytesMax
  bool index = false;  // a segment's index is what is damaged, or not that of its frames
};

struct ScrubState {
  static constexpr std::size_t kDamagesMax = 128;  // that are named; more are only counted
  static constexpr std::size_t kWhatBytesMax = 256;

  std::string position;         // name of the file that was verified last in this pass; empty: none
  TimeNs pass_begun_at_ns = 0;  // wall clock; 0: no pass yet
  std::uint64_t pass_files = 0;
  std::uint64_t pass_bytes = 0;
  // The last pass that came to the newest file:
  TimeNs last_pass_begun_at_ns = 0;
  TimeNs last_pass_ended_at_ns = 0;  // 0: none yet
  std::uint64_t last_pass_files = 0;
  std::uint64_t last_pass_bytes = 0;
  std::vector<ScrubDamage> damages;   // by name
  std::uint64_t damages_unnamed = 0;  // found in this pass, beyond kDamagesMax

  void add_damage(std::string_view name, std::string_view what, bool index);
  /// True where it stood there.
  bool remove_damage(std::string_view name);
};

/// kCorrupt names the line that is no number, or too many damages.
Result<ScrubState> read_scrub_state(const TextRecord& record);
TextRecord write_scrub_state(const ScrubState& state);

/// kNotFound where nothing was ever scrubbed.
Result<ScrubState> load_scrub_state(const Store& store);
Status save_scrub_state(const Store& store, const ScrubState& state);

}  // namespace tapline::storage

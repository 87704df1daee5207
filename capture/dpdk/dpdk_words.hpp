#pragma once
// DpdkWords: what DPDK logs while something is tried. Its codes say little ("Operation not permitted" for a
// file that does not exist), its log says why. Only for files of this folder.

#include <string>

namespace tapline {

/// From now on DPDK's log goes to standard error, or to the DpdkWords that lives. Once, before the EAL
/// starts.
void catch_dpdk_log();

/// One at a time, on any thread. Words that nobody takes go to standard error in the end.
class DpdkWords {
 public:
  DpdkWords();
  ~DpdkWords();
  DpdkWords(const DpdkWords&) = delete;
  DpdkWords& operator=(const DpdkWords&) = delete;

  /// All lines so far in one, separated by "; ", at most 500 bytes; empty where nothing was said.
  std::string take();
};

}  // namespace tapline

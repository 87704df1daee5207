#pragma once
// Exit codes of every command; stable (README.md).

namespace tapline::tools {

enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitNothing = 4,     // nothing found, window fully covered
  kExitCutShort = 5,    // a limit of the command line ended the answer early
  kExitNotCovered = 6,  // the window has holes
  kExitIntegrity = 9,   // damaged data
};

}  // namespace tapline::tools

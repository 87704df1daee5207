#pragma once
// What commands say about failures and coverage: on standard error, in one form.

#include <string>

#include "capture/base/result.hpp"
#include "storage/query/coverage.hpp"
#include "tools/command_line.hpp"

namespace tapline::tools {

/// Prints "tapline COMMAND: message" and returns the exit code of the error.
int report_error(const char* command, const Error& error);

/// The coverage line, or its JSON to the file of --summary; then the exit code of the answer: what it found,
/// holes,
/// --exit-zero. `found`: the answer has at least one row or frame.
int report_coverage(const char* command, const CommandLine& options, const query::Coverage& coverage,
                    bool found);

/// True where people look at the stream, so that progress may be shown on it.
bool is_terminal(int descriptor);

}  // namespace tapline::tools

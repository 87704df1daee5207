#include "tools/report.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include "capture/base/file.hpp"
#include "tools/exit_codes.hpp"

namespace tapline::tools {

int report_error(const char* command, const Error& error) {
  fmt::print(stderr, "tapline {}: {}\n", command, error.context);
  switch (error.code) {
    case ErrorCode::kInvalid:
      return kExitUsage;
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kCorrupt:
      return kExitIntegrity;
    default:
      return kExitError;
  }
}

int report_coverage(const char* command, const CommandLine& options, const query::Coverage& coverage,
                    bool found) {
  if (options.has("summary")) {
    const std::string json = query::coverage_json(coverage) + "\n";
    const Bytes bytes(reinterpret_cast<const std::uint8_t*>(json.data()), json.size());
    if (const Status written = publish_file(options.text("summary"), bytes); !written) {
      return report_error(command, written.error());
    }
  } else {
    fmt::print(stderr, "{}\n", query::format_coverage(coverage));
    if (!found) {
      fmt::print(stderr, "nothing found: {}\n",
                 coverage.proof_of_absence() ? "proof of absence within the window"
                                             : "no proof of absence, see the coverage above");
    }
  }
  if (options.has("exit-zero")) return kExitOk;
  if (!coverage.complete()) return kExitNotCovered;
  return found ? kExitOk : kExitNothing;
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

}  // namespace tapline::tools

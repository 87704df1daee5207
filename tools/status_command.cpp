// tapline status: what a store holds, and whether its books close.

#include <fmt/core.h>

#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"
#include "tools/report.hpp"
#include "tools/store_status.hpp"
#include "tools/text_output.hpp"

namespace tapline::tools {
namespace {

CommandLine make_options() {
  CommandLine options(
      "usage: tapline status --store DIR [--deep] [--json]",
      "Says what a store holds: sources, packets, sessions, times, sizes; and whether the account of "
      "every frame\n"
      "agrees with itself, with the sources, with the segments and (--deep) with the session "
      "records.\n"
      "Reads no packets.",
      "");
  options.add_store();
  options.add_flag("deep", "read all session records, too: how many have ended, and their packets");
  options.add_flag("json", "one JSON object");
  return options;
}

int print_status(const StoreStatus& status, bool as_json) {
  const std::string text = as_json ? status_json(status) + "\n" : format_status(status);
  TextOutput output = TextOutput::standard();
  output.buffer().append(text.data(), text.data() + text.size());
  const Status written = output.flush();
  if (!written && output.broken_pipe()) return kExitError;
  if (!written) return report_error("status", written.error());
  return status.intact() ? kExitOk : kExitIntegrity;
}

}  // namespace

int run_status(const Arguments& arguments) {
  CommandLine command_line = make_options();
  const Result<bool> parsed = command_line.parse(arguments);
  if (!parsed) return report_error("status", parsed.error());
  if (!*parsed) return kExitOk;
  const Result<storage::Store> store = command_line.open_store();
  if (!store) return report_error("status", store.error());
  const Result<StoreStatus> status = read_status(*store, command_line.has("deep"));
  if (!status) return report_error("status", status.error());
  return print_status(*status, command_line.has("json"));
}

}  // namespace tapline::tools

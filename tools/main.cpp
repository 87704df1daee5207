// tapline: questions to a store, and imports into one.

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <system_error>

#include "tools/commands.hpp"
#include "tools/exit_codes.hpp"

namespace {

using namespace tapline::tools;

struct Command {
  std::string_view name;
  int (*run)(const Arguments&);
  std::string_view help;
};

constexpr Command kCommands[] = {
    {"import", run_import, "record capture files into a store"},
    {"status", run_status, "what a store holds, and whether its books close"},
    {"flows", run_flows, "list sessions"},
    {"extract", run_extract, "write the packets of sessions, hosts, ports, ... to a capture file"},
    {"hold", run_hold, "keep packets from being dropped by the ring"},
    {"verify", run_verify, "check every checksum of a store, and that no file is missing"},
    {"reindex", run_reindex, "rebuild the indexes from the segments"},
};

void print_help(std::FILE* stream) {
  fmt::print(
      stream,
      "usage: tapline COMMAND [ARGUMENTS]\n\n"
      "Tapline records network traffic and answers questions about it with sessions and exact packets.\n\n"
      "Commands (each explains itself with --help):\n");
  for (const Command& command : kCommands) fmt::print(stream, "  {:<10}{}\n", command.name, command.help);
}

int run(const Arguments& arguments) {
  if (arguments.empty()) {
    print_help(stderr);
    return kExitUsage;
  }
  if (arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    print_help(stdout);
    return kExitOk;
  }
  if (arguments[0] == "--version") {
    fmt::print("tapline {}\n", TAPLINE_VERSION);
    return kExitOk;
  }
  const auto* command = std::ranges::find(kCommands, std::string_view(arguments[0]), &Command::name);
  if (command == std::end(kCommands)) {
    fmt::print(stderr, "tapline: '{}' is no command; `tapline --help` lists them\n", arguments[0]);
    return kExitUsage;
  }
  return command->run(Arguments(arguments.begin() + 1, arguments.end()));
}

/// A reader that went away (`tapline verify | head`) needs not be told.
int fail_to_write(int error_number) {
  if (error_number != EPIPE)
    std::fprintf(stderr, "tapline: cannot write the output: %s\n", std::strerror(error_number));
  return kExitError;
}

}  // namespace

int main(int argc, char** argv) {
  // A closed pipe is a write error like any other: files stay valid, the reason is told.
  std::signal(SIGPIPE, SIG_IGN);
  try {  // fmt::print throws where nobody reads, or the disk is full
    const int exit_code = run(Arguments(argv + 1, argv + argc));
    return std::fflush(stdout) == 0 ? exit_code : fail_to_write(errno);
  } catch (const std::system_error& error) {
    return fail_to_write(error.code().value());
  }
}

#pragma once
// The commands of `tapline`. Each parses its own arguments, does its work and returns an exit code
// (exit_codes.hpp).

#include <string>
#include <vector>

namespace tapline::tools {

using Arguments = std::vector<std::string>;

int run_import(const Arguments& arguments);
int run_status(const Arguments& arguments);
int run_flows(const Arguments& arguments);
int run_extract(const Arguments& arguments);
int run_hold(const Arguments& arguments);
int run_verify(const Arguments& arguments);
int run_reindex(const Arguments& arguments);

}  // namespace tapline::tools

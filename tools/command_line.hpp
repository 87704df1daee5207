#pragma once
// CommandLine: the options of one command. A thin layer over Boost.Program_options: no abbreviated options,
// sizes and times with units, every error names the option, the value and the remedy, `--help` explains
// itself.

#include <boost/program_options.hpp>
#include <optional>
#include <string>
#include <vector>

#include "capture/base/result.hpp"
#include "capture/base/time.hpp"
#include "capture/base/time_window.hpp"
#include "storage/query/filter.hpp"
#include "storage/store.hpp"

namespace tapline::tools {

class CommandLine {
 public:
  /// `usage` and `description` head the help text. `words` names the positional arguments in it, empty: none
  /// allowed.
  CommandLine(std::string usage, std::string description, const std::string& words);

  /// `--name ARGUMENT`; `name` may hold a short form as in Boost ("write,w").
  void add_value(const char* name, const char* argument, const char* help);
  void add_flag(const char* name, const char* help);

  /// --store; --since and --until; these with --home-net and FILTER words; --summary and --exit-zero.
  void add_store();
  void add_window();
  void add_question();
  void add_answer();

  /// False: `--help` was given and printed. kInvalid for everything that is not understood.
  Result<bool> parse(const std::vector<std::string>& arguments);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  std::string text(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  const std::vector<std::string>& words() const { return words_; }
  Result<std::uint64_t> size(const std::string& name, std::uint64_t fallback) const;
  Result<std::uint64_t> number(const std::string& name, std::uint64_t fallback, std::uint64_t least = 0,
                               std::uint64_t greatest = UINT64_MAX) const;

  /// kInvalid without --store and without $TAPLINE_STORE.
  Result<std::string> store_path() const;
  /// For readers; errors as store_path() and Store::open().
  Result<storage::Store> open_store() const;
  /// Of --since and --until; kInvalid where since is not before until.
  Result<TimeWindow> window() const;
  /// Of --home-net, or the default.
  Result<std::vector<query::Network>> home_nets() const;
  /// All words as one filter.
  Result<query::Filter> filter() const;

 private:
  std::string usage_;
  std::string description_;
  bool words_allowed_;
  boost::program_options::options_description options_;
  boost::program_options::variables_map values_;
  std::vector<std::string> words_;
  TimeNs now_ns_;
};

}  // namespace tapline::tools

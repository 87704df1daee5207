#include "tools/command_line.hpp"

#include <fmt/core.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "capture/base/number.hpp"
#include "capture/base/size.hpp"
#include "storage/query/filter_network.hpp"

namespace tapline::tools {

namespace po = boost::program_options;

namespace {

constexpr unsigned kHelpColumns = 110;

Error usage_error(std::string text) {
  return {ErrorCode::kInvalid, std::move(text)};
}

/// Options that stand more often than they may: neither value would be the right one to take. `--words` is no
/// option, only what Boost calls the positional arguments.
Status check_doubled(const po::parsed_options& parsed) {
  std::set<std::string> seen;
  for (const po::option& option : parsed.options) {
    if (option.position_key >= 0 || option.string_key == "home-net" || option.string_key == "cutoff-for")
      continue;
    if (option.string_key == "words") return usage_error("unrecognised option '--words'; see --help");
    if (!seen.insert(option.string_key).second && !option.value.empty())
      return usage_error(fmt::format("--{}: given twice; once is enough", option.string_key));
  }
  return {};
}

}  // namespace

CommandLine::CommandLine(std::string usage, std::string description, const std::string& words)
    : usage_(std::move(usage)),
      description_(std::move(description)),
      words_allowed_(!words.empty()),
      options_("Options", kHelpColumns),
      now_ns_(wall_clock_ns()) {
  add_flag("help,h", "this text");
}

void CommandLine::add_value(const char* name, const char* argument, const char* help) {
  options_.add_options()(name, po::value<std::vector<std::string>>()->value_name(argument), help);
}

void CommandLine::add_flag(const char* name, const char* help) {
  options_.add_options()(name, help);
}

void CommandLine::add_store() {
  add_value("store", "DIR", "the store; default: the environment variable TAPLINE_STORE");
}

void CommandLine::add_window() {
  add_value("since", "T",
            "from this capture time on: RFC 3339, seconds since 1970, -3h, now; UTC unless a zone is given");
  add_value("until", "T", "up to, and not including, this capture time");
}

void CommandLine::add_question() {
  add_window();
  add_value("home-net", "NET",
            "what `egress` and `ingress` are relative to, may be repeated; default: private address ranges");
}

void CommandLine::add_answer() {
  add_value("summary", "FILE",
            "write the coverage of the answer to FILE as JSON, instead of a line on standard error");
  add_flag("exit-zero", "exit with 0 even if nothing was found or the window is not fully covered");
}

Result<bool> CommandLine::parse(const std::vector<std::string>& arguments) {
  po::options_description all;
  all.add(options_).add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("words", -1);
  namespace style = po::command_line_style;
  const int strict = style::unix_style & ~style::allow_guessing & ~style::allow_sticky;
  try {
    const po::parsed_options parsed =
        po::command_line_parser(arguments).options(all).positional(positions).style(strict).run();
    TAPLINE_TRY(check_doubled(parsed));
    po::store(parsed, values_);
  } catch (const po::error& error) {
    return usage_error(fmt::format("{}; see --help", error.what()));
  }
  if (has("help")) {
    std::ostringstream text;
    text << options_;
    fmt::print("{}\n\n{}\n\n{}", usage_, description_, text.str());
    return false;
  }
  if (has("words")) words_ = values_["words"].as<std::vector<std::string>>();
  if (!words_.empty() && !words_allowed_) {
    return usage_error(fmt::format("'{}' is not expected here; see --help", words_.front()));
  }
  return true;
}

std::vector<std::string> CommandLine::texts(const std::string& name) const {
  return has(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>();
}

std::string CommandLine::text(const std::string& name) const {
  const std::vector<std::string> all = texts(name);
  return all.empty() ? std::string() : all.back();
}

Result<std::uint64_t> CommandLine::size(const std::string& name, std::uint64_t fallback) const {
  if (!has(name)) return fallback;
  Result<std::uint64_t> size = parse_size(text(name));
  if (!size) return usage_error(fmt::format("--{}: {}", name, size.error().context));
  return size;
}

Result<std::uint64_t> CommandLine::number(const std::string& name, std::uint64_t fallback,
                                          std::uint64_t least, std::uint64_t greatest) const {
  if (!has(name)) return fallback;
  Result<std::uint64_t> number = parse_number(text(name), least, greatest);
  if (!number) return usage_error(fmt::format("--{}: {}", name, number.error().context));
  return number;
}

Result<std::string> CommandLine::store_path() const {
  if (has("store")) return text("store");
  if (const char* path = std::getenv("TAPLINE_STORE"); path != nullptr && *path != '\0')
    return std::string(path);
  return usage_error("no store named: use --store DIR or set TAPLINE_STORE");
}

Result<storage::Store> CommandLine::open_store() const {
  const Result<std::string> path = store_path();
  if (!path) return path.error();
  return storage::Store::open(*path);
}

Result<TimeWindow> CommandLine::window() const {
  TimeWindow window;
  const std::pair<const char*, TimeNs*> ends[] = {{"since", &window.since_ns}, {"until", &window.until_ns}};
  for (const auto& [name, value] : ends) {
    if (!has(name)) continue;
    const Result<TimeNs> time = parse_time(text(name), now_ns_);
    if (!time) return usage_error(fmt::format("--{}: {}", name, time.error().context));
    *value = *time;
  }
  if (window.since_ns >= window.until_ns) {
    return usage_error(fmt::format("--since {} is not before --until {}", text("since"), text("until")));
  }
  return window;
}

Result<std::vector<query::Network>> CommandLine::home_nets() const {
  if (!has("home-net")) return query::default_home_nets();
  std::vector<query::Network> nets;
  for (const std::string& net : texts("home-net")) {
    const Result<query::Network> parsed = query::parse_network(net);
    if (!parsed) return usage_error(fmt::format("--home-net: {}", parsed.error().context));
    nets.push_back(*parsed);
  }
  return nets;
}

Result<query::Filter> CommandLine::filter() const {
  std::string expression;
  for (const std::string& word : words_) expression += (expression.empty() ? "" : " ") + word;
  query::FilterOptions options;
  options.now_ns = now_ns_;
  Result<std::vector<query::Network>> nets = home_nets();
  if (!nets) return nets.error();
  options.home_nets = std::move(*nets);
  return query::Filter::parse(expression, options);
}

}  // namespace tapline::tools

#include "sensor/sensor_options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "capture/base/number.hpp"
#include "capture/base/size.hpp"

namespace tapline::sensor {
namespace {

namespace po = boost::program_options;
using Strings = std::vector<std::string>;

constexpr unsigned kHelpColumns = 110;
constexpr unsigned kWritersMax = 64;
constexpr std::uint64_t kFlowsMax = 1u << 28;

constexpr const char* kUsage = R"(usage: tapline-sensor --interface IF --store DIR [OPTIONS]
       tapline-sensor --config FILE

Records everything that an interface or a DPDK port shows: packets, session records, and an account of every
frame, into a ring on disk. `tapline flows` and `tapline extract` read the store while it is being written. Ends
in order on SIGINT, SIGTERM and SIGHUP; after a crash, the next start repairs what was left, by itself.

Sizes are like 64MiB or 10GB, durations like 500ms, 30s or 2h. The file of --config has a line `name = value` for
each option (flags: yes or no); what the command line says comes first.
)";

Error usage_error(std::string text) {
  return {ErrorCode::kInvalid, std::move(text)};
}

po::options_description describe_options() {
  po::options_description options("Options", kHelpColumns);
  const auto value = [](const char* argument) { return po::value<Strings>()->value_name(argument); };
  options.add_options()("help,h", "this text");
  options.add_options()("config", value("FILE"), "read options from FILE, too");
  options.add_options()("store", value("DIR"), "the store; default: the environment variable TAPLINE_STORE");
  options.add_options()("interface", value("IF"), "record this network interface; may be repeated");
  options.add_options()("dpdk-port", value("DEV"),
                        "record this DPDK port: a PCI address (0000:3b:00.0) or a virtual device "
                        "(net_pcap0,rx_pcap=FILE); may be repeated");
  options.add_options()("workers", value("N"), "threads for each interface or port; default 1");
  options.add_options()("worker-cpus", value("LIST"), "processors for the workers, in order: 2,3");
  options.add_options()("writers", value("N"), "threads that compress and write; default 1");
  options.add_options()("budget", value("SIZE|N%"),
                        "drop the oldest packets so that packets and indexes stay within SIZE on each "
                        "volume, or within N percent "
                        "of what is free on its disk and what the store has there already; default: 80%");
  options.add_options()(
      "volume", value("DIR"),
      "keep packets in DIR, too, usually another disk; may be repeated. A volume that fails is "
      "left out until it can be written again");
  options.add_options()("keep-at-most", value("TIME"), "drop packets that are older: 30d");
  options.add_options()("keep-at-least", value("TIME"),
                        "do not drop younger packets for the budget, only where the disk is full");
  options.add_options()(
      "keep-free", value("SIZE"),
      "drop packets so that each disk keeps so much free, whoever fills it; default: 2 % of "
      "it, at most 256MiB");
  options.add_options()("sessions-budget", value("SIZE"),
                        "drop the oldest session records so that they stay within SIZE; default: keep all");
  options.add_options()(
      "hold-quota", value("SIZE"),
      "holds keep at most so much from being dropped: a size, or a share of the budget; default 25%");
  options.add_options()(
      "scrub", value("SIZE"),
      "verify finished files again and again, reading SIZE a second; default 8MiB, 0: never");
  options.add_options()("sensor", value("NAME"),
                        "sensor name of a new store; part of every session's uid; default: host name");
  options.add_options()("no-packets", po::bool_switch(), "keep session records only");
  options.add_options()("cutoff", value("WHAT"), CutoffPolicy::kCutoffHelp);
  options.add_options()("cutoff-for", value("FILTER=WHAT"), CutoffPolicy::kCutoffForHelp);
  options.add_options()("compression", value("WHAT"), "fast (default), or none: store packets as they are");
  options.add_options()("flows-max", value("N"),
                        "room for so many concurrent sessions a worker; default 1048576");
  options.add_options()("count-copies", po::bool_switch(),
                        "count a frame that the tap shows twice as two packets, as most tools do; else it is "
                        "counted apart, in duplicate_packets");
  options.add_options()(
      "ring", value("SIZE"),
      "memory of each worker in which the kernel keeps frames (--interface); default 64MiB");
  options.add_options()(
      "buffer", value("SIZE"),
      "memory of each worker for packets that wait for the disk; default 64MiB. Records that wait "
      "behind them may take twice as much again");
  options.add_options()("dpdk-memory", value("SIZE"),
                        "memory for DPDK, in huge pages where there are any; default 256MiB");
  options.add_options()(
      "timestamps", value("WHICH"),
      "auto (default): the network card's where its clock is right, else the kernel's; kernel; hardware");
  options.add_options()("no-promiscuous", po::bool_switch(),
                        "do not put the interface into promiscuous mode");
  options.add_options()("for", value("TIME"), "stop after TIME");
  options.add_options()("report-every", value("TIME"),
                        "log a line of figures so often; default 60s, 0s: never");
  return options;
}

bool is_list(std::string_view name) {
  return name == "interface" || name == "dpdk-port" || name == "volume" || name == "cutoff-for";
}

/// Values by option name, whatever they came from.
class Values {
 public:
  explicit Values(po::variables_map values) : values_(std::move(values)) {}

  bool has(const char* name) const { return values_.count(name) != 0; }
  bool flag(const char* name) const { return values_[name].as<bool>(); }
  Strings texts(const char* name) const { return has(name) ? values_[name].as<Strings>() : Strings(); }
  /// Of an option that may stand only once.
  std::string text(const char* name) const { return has(name) ? texts(name).front() : std::string(); }

  Status read_size(const char* name, std::uint64_t& value) const {
    if (!has(name)) return {};
    const Result<std::uint64_t> size = parse_size(text(name));
    if (!size) return usage_error(fmt::format("{}: {}", name, size.error().context));
    value = *size;
    return {};
  }
  Status read_duration(const char* name, TimeNs& value) const {
    if (!has(name)) return {};
    const Result<TimeNs> duration = parse_duration(text(name));
    if (!duration) return usage_error(fmt::format("{}: {}", name, duration.error().context));
    value = *duration;
    return {};
  }
  template <class Number>
  Status read_number(const char* name, std::uint64_t least, std::uint64_t greatest, Number& value) const {
    if (!has(name)) return {};
    const Result<std::uint64_t> number = parse_number(text(name), least, greatest);
    if (!number) return usage_error(fmt::format("{}: {}", name, number.error().context));
    value = static_cast<Number>(*number);
    return {};
  }

  /// Options that stand more often than they may: neither value would be the right one to take.
  Status check_doubled() const {
    for (const auto& [name, value] : values_) {
      const Strings* const texts = boost::any_cast<Strings>(&value.value());
      if (texts == nullptr || texts->size() < 2 || is_list(name)) continue;
      return usage_error(fmt::format("{}: given {} times: {}; once is enough", name, texts->size(),
                                     fmt::join(*texts, ", ")));
    }
    return {};
  }

 private:
  po::variables_map values_;
};

Result<Values> parse_sources(const Strings& arguments, const po::options_description& options) {
  namespace style = po::command_line_style;
  const int strict = style::unix_style & ~style::allow_guessing & ~style::allow_sticky;
  po::variables_map values;
  std::string config;
  try {
    po::positional_options_description none;
    po::store(po::command_line_parser(arguments).options(options).positional(none).style(strict).run(),
              values);
    if (values.count("config") == 0 || values.count("help") != 0) return Values(std::move(values));
    config = values["config"].as<Strings>().front();
    std::ifstream file(config);
    if (!file) return Error{ErrorCode::kNotFound, fmt::format("--config: cannot open {}", config)};
    po::store(po::parse_config_file(file, options), values);
  } catch (const po::error& error) {
    if (!config.empty()) return usage_error(fmt::format("{}: {}; see --help", config, error.what()));
    return usage_error(fmt::format("{}; see --help", error.what()));
  }
  return Values(std::move(values));
}

/// `64GiB` or `30%`.
Status read_hold_quota(const Values& values, SensorOptions& options) {
  const std::string text = values.text("hold-quota");
  if (!text.ends_with('%')) {
    TAPLINE_TRY(values.read_size("hold-quota", options.hold_quota_bytes));
    if (values.has("hold-quota") && options.hold_quota_bytes == 0)
      return usage_error("hold-quota: '0' would hold nothing: 1% is the least share");
    return {};
  }
  const Result<std::uint64_t> percent = parse_number(text.substr(0, text.size() - 1), 1, 90);
  if (!percent) return usage_error(fmt::format("hold-quota: {}", percent.error().context));
  options.hold_quota_percent = static_cast<unsigned>(*percent);
  return {};
}

Status read_cutoff(const Values& values, RecorderConfig& recorder) {
  recorder.store_packets = !values.flag("no-packets");
  recorder.count_copies = values.flag("count-copies");
  Result<CutoffPolicy> cutoff =
      CutoffPolicy::parse(values.text("cutoff"), values.texts("cutoff-for"), recorder.store_packets);
  if (!cutoff) return cutoff.error();
  recorder.cutoff = std::move(*cutoff);
  return {};
}

Status read_store(const Values& values, SensorOptions& options) {
  const char* const from_environment = std::getenv("TAPLINE_STORE");
  options.store = values.text("store");
  if (options.store.empty() && from_environment != nullptr) options.store = from_environment;
  if (options.store.empty()) return usage_error("no store named: use --store DIR or set TAPLINE_STORE");
  options.sensor_name = values.text("sensor");
  TAPLINE_TRY(read_cutoff(values, options.recorder));
  const std::string compression = values.has("compression") ? values.text("compression") : "fast";
  if (compression != "fast" && compression != "none")
    return usage_error(fmt::format("compression: '{}' is neither fast nor none", compression));
  options.recorder.segment.compress = compression == "fast";
  TAPLINE_TRY(read_hold_quota(values, options));
  return values.read_size("scrub", options.scrub_bytes_per_second);
}

Status read_budget(const Values& values, storage::RingLimits& limits) {
  const std::string text = values.has("budget") ? values.text("budget") : "80%";
  if (!text.ends_with('%')) TAPLINE_TRY(values.read_size("budget", limits.bytes));
  if (text.ends_with('%')) {
    const Result<std::uint64_t> percent = parse_number(text.substr(0, text.size() - 1), 1, 100);
    if (!percent)
      return usage_error(fmt::format("budget: '{}' is no size and no percentage from 1% to 100%", text));
    limits.percent = static_cast<unsigned>(*percent);
  }
  if (limits.percent == 0 && limits.bytes == 0)
    return usage_error(
        "budget: '0' leaves room for nothing: leave it out for most of what is free on the disk");
  return {};
}

Status read_limits(const Values& values, SensorOptions& options) {
  storage::RingLimits& limits = options.recorder.limits;
  options.volumes = values.texts("volume");
  TAPLINE_TRY(read_budget(values, limits));
  TAPLINE_TRY(values.read_duration("keep-at-most", limits.age_max_ns));
  TAPLINE_TRY(values.read_duration("keep-at-least", limits.age_min_ns));
  TAPLINE_TRY(values.read_size("keep-free", limits.free_bytes_min));
  if (limits.age_max_ns > 0 && limits.age_min_ns > limits.age_max_ns)
    return usage_error(fmt::format("keep-at-least: '{}' is more than --keep-at-most {}",
                                   values.text("keep-at-least"), values.text("keep-at-most")));
  return values.read_size("sessions-budget", limits.session_bytes);
}

/// What would record frames twice, or be ignored without a word.
Status check_ports(const Values& values, const SensorOptions& options) {
  for (const char* const name : {"interface", "dpdk-port"}) {
    Strings sorted = values.texts(name);
    std::ranges::sort(sorted);
    const auto twice = std::ranges::adjacent_find(sorted);
    if (twice != sorted.end())
      return usage_error(
          fmt::format("{}: '{}' is named twice and would be recorded twice; once is enough", name, *twice));
  }
  const char* const ignored = values.flag("no-promiscuous") ? "no-promiscuous"
                              : values.has("timestamps")    ? "timestamps"
                                                            : nullptr;
  if (ignored != nullptr && options.interfaces.empty())
    return usage_error(
        fmt::format("{}: means nothing to a --dpdk-port, only to an --interface; leave it out", ignored));
  return {};
}

Status read_capture(const Values& values, SensorOptions& options) {
  options.interfaces = values.texts("interface");
  options.dpdk_ports = values.texts("dpdk-port");
  if (options.interfaces.empty() && options.dpdk_ports.empty())
    return usage_error("nothing to record: name an --interface or a --dpdk-port; `ip link` lists interfaces");
  TAPLINE_TRY(check_ports(values, options));
  options.promiscuous = !values.flag("no-promiscuous");
  const std::string timestamps = values.has("timestamps") ? values.text("timestamps") : "auto";
  if (timestamps == "kernel") {
    options.timestamps = TimestampSource::kKernel;
  } else if (timestamps == "hardware") {
    options.timestamps = TimestampSource::kHardware;
  } else if (timestamps != "auto") {
    return usage_error(fmt::format("timestamps: '{}' is none of auto, kernel, hardware", timestamps));
  }
  TAPLINE_TRY(values.read_number("workers", 1, kAfPacketWorkersMax, options.workers));
  TAPLINE_TRY(values.read_size("ring", options.kernel_ring_bytes));
  return values.read_size("dpdk-memory", options.dpdk_memory_bytes);
}

std::uint64_t physical_memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Status read_cpus(const Values& values, std::vector<unsigned>& cpus) {
  const std::string text = values.text("worker-cpus");
  const auto last = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_CONF)) - 1;
  std::istringstream list(text);
  for (std::string cpu; std::getline(list, cpu, ',');) {
    const Result<std::uint64_t> number = parse_number(cpu, 0, last);
    if (!number)
      return usage_error(
          fmt::format("worker-cpus: '{}' is no list of processors from 0 to {}, like 0,1", text, last));
    cpus.push_back(static_cast<unsigned>(*number));
  }
  return {};
}

Status read_threads(const Values& values, SensorOptions& options) {
  TAPLINE_TRY(read_cpus(values, options.recorder.worker_cpus));
  TAPLINE_TRY(values.read_number("writers", 1, kWritersMax, options.recorder.writers));
  TAPLINE_TRY(values.read_number("flows-max", 1, kFlowsMax, options.recorder.flows_max));
  TAPLINE_TRY(values.read_size("buffer", options.recorder.block_memory_bytes));
  const std::uint64_t memory_bytes = physical_memory_bytes();
  if (options.recorder.block_memory_bytes > memory_bytes)
    return usage_error(fmt::format("buffer: '{}' a worker is more than this machine's memory of {}",
                                   values.text("buffer"), format_size(memory_bytes)));
  TAPLINE_TRY(values.read_duration("for", options.run_ns));
  if (values.has("for") && options.run_ns <= 0)
    return usage_error(fmt::format(
        "for: '{}' is no time to record: leave it out to record until a signal comes", values.text("for")));
  return values.read_duration("report-every", options.report_ns);
}

}  // namespace

Result<std::string> parse_options(const Strings& arguments, SensorOptions& options) {
  const po::options_description described = describe_options();
  const Result<Values> values = parse_sources(arguments, described);
  if (!values) return values.error();
  if (values->has("help")) {
    std::ostringstream text;
    text << described;
    return fmt::format("{}\n{}", kUsage, text.str());
  }
  TAPLINE_TRY(values->check_doubled());
  TAPLINE_TRY(read_store(*values, options));
  TAPLINE_TRY(read_limits(*values, options));
  TAPLINE_TRY(read_capture(*values, options));
  TAPLINE_TRY(read_threads(*values, options));
  return std::string();
}

}  // namespace tapline::sensor

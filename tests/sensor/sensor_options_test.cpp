#include "sensor/sensor_options.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::sensor;
using Strings = std::vector<std::string>;

namespace {

/// With an interface and a store, so that only `more` can be wrong.
Strings with(Strings more) {
  more.insert(more.end(), {"--interface", "eth9", "--store", "/var/store"});
  return more;
}

SensorOptions parse(const Strings& arguments) {
  SensorOptions options;
  const Result<std::string> parsed = parse_options(arguments, options);
  if (!parsed) FAIL(parsed.error().context);
  CHECK(parsed->empty());
  return options;
}

std::string refusal(const Strings& arguments) {
  SensorOptions options;
  const Result<std::string> parsed = parse_options(arguments, options);
  if (parsed) FAIL("accepted");
  CHECK(parsed.error().code == ErrorCode::kInvalid);
  return parsed.error().context;
}

void check_says(const std::string& text, const Strings& words) {
  CAPTURE(text);
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(text.find(word) != std::string::npos);
  }
}

std::string write_config(const TemporaryFolder& folder, const std::string& text) {
  const std::string path = folder / "sensor.conf";
  std::ofstream(path) << text;
  return path;
}

const Strings kOptions = {"help",         "config",        "store",       "interface",       "dpdk-port",
                          "workers",      "worker-cpus",   "writers",     "budget",          "volume",
                          "keep-at-most", "keep-at-least", "keep-free",   "sessions-budget", "sensor",
                          "scrub",        "hold-quota",    "no-packets",  "compression",     "flows-max",
                          "ring",         "buffer",        "dpdk-memory", "timestamps",      "no-promiscuous",
                          "for",          "report-every",  "cutoff",      "cutoff-for",      "count-copies"};

}  // namespace

TEST_CASE("without options but store and interface the defaults are those of the help text") {
  const SensorOptions options = parse(with({}));
  CHECK(options.store == "/var/store");
  CHECK(options.interfaces == Strings{"eth9"});
  CHECK(options.dpdk_ports.empty());
  CHECK(options.sensor_name.empty());  // the store takes the host's name
  CHECK(options.workers == 1);
  CHECK(options.recorder.writers == 1);
  CHECK(options.recorder.flows_max == 1'048'576);
  CHECK(options.recorder.block_memory_bytes == 64u << 20);
  CHECK(options.recorder.store_packets);
  CHECK(options.recorder.segment.compress);
  CHECK(options.recorder.worker_cpus.empty());
  CHECK(options.kernel_ring_bytes == 64u << 20);
  CHECK(options.dpdk_memory_bytes == 256u << 20);
  CHECK(options.timestamps == TimestampSource::kAuto);
  CHECK(options.promiscuous);
  CHECK(options.recorder.limits.percent == 80);
  CHECK(options.run_ns == 0);
  CHECK(options.report_ns == 60 * kNsPerSecond);
}

TEST_CASE("every option is understood") {
  const SensorOptions options = parse({"--interface",    "eth1",
                                       "--interface",    "eth2",
                                       "--dpdk-port",    "net_null0",
                                       "--store",        "/s",
                                       "--workers",      "3",
                                       "--writers",      "2",
                                       "--worker-cpus",  "0",
                                       "--budget",       "10GiB",
                                       "--sensor",       "tap1",
                                       "--no-packets",   "--compression",
                                       "none",           "--flows-max",
                                       "5000",           "--ring",
                                       "8MiB",           "--buffer",
                                       "16MiB",          "--dpdk-memory",
                                       "1GiB",           "--timestamps",
                                       "hardware",       "--no-promiscuous",
                                       "--for",          "90s",
                                       "--report-every", "0s"});
  CHECK(options.interfaces == Strings{"eth1", "eth2"});
  CHECK(options.dpdk_ports == Strings{"net_null0"});
  CHECK(options.store == "/s");
  CHECK(options.workers == 3);
  CHECK(options.recorder.writers == 2);
  CHECK(options.recorder.worker_cpus == std::vector<unsigned>{0});
  CHECK(options.recorder.limits.bytes == 10ull << 30);
  CHECK(options.sensor_name == "tap1");
  CHECK_FALSE(options.recorder.store_packets);
  CHECK_FALSE(options.recorder.segment.compress);
  CHECK(options.recorder.flows_max == 5000);
  CHECK(options.kernel_ring_bytes == 8u << 20);
  CHECK(options.recorder.block_memory_bytes == 16u << 20);
  CHECK(options.dpdk_memory_bytes == 1u << 30);
  CHECK(options.timestamps == TimestampSource::kHardware);
  CHECK_FALSE(options.promiscuous);
  CHECK(options.run_ns == 90 * kNsPerSecond);
  CHECK(options.report_ns == 0);
}

TEST_CASE("volumes and limits of the ring") {
  const SensorOptions options = parse({"--interface", "eth1", "--store", "/s", "--volume", "/v", "--volume",
                                       "/w", "--budget", "90%", "--keep-at-most", "30d", "--keep-at-least",
                                       "12h", "--keep-free", "1GiB", "--sessions-budget", "2GiB"});
  CHECK(options.volumes == Strings{"/v", "/w"});
  CHECK(options.recorder.limits.age_max_ns == 30 * 24 * 3600 * kNsPerSecond);
  CHECK(options.recorder.limits.age_min_ns == 12 * 3600 * kNsPerSecond);
  CHECK(options.recorder.limits.free_bytes_min == 1u << 30);
  CHECK(options.recorder.limits.session_bytes == 2u << 30);
  CHECK(options.recorder.limits.percent == 90);
  CHECK(options.recorder.limits.bytes == 0);
}

TEST_CASE("how much of sessions is stored, from the command line and from a file") {
  CHECK_FALSE(parse(with({"--cutoff", "all"})).recorder.cutoff.any());
  CHECK(parse(with({"--cutoff", "64KiB", "--cutoff-for", "port 443=headers", "--cutoff-for", "arp=none"}))
            .recorder.cutoff.text() == "cutoff port 443=headers, arp=none, else 64KiB");
  const TemporaryFolder folder;
  const std::string path = write_config(folder, "cutoff = headers\ncutoff-for = host 10.0.0.1=all\n");
  CHECK(parse(with({"--config", path})).recorder.cutoff.text() == "cutoff host 10.0.0.1=all, else headers");
  check_says(refusal(with({"--no-packets", "--cutoff", "none"})), {"no-packets", "cutoff"});
}

TEST_CASE("a value that cannot be is refused with option, value and what can be") {
  struct Bad {
    const char* option;
    const char* value;
    const char* remedy;
  };
  const Bad bad = GENERATE(values<Bad>({
      {"workers", "0", "from 1"},
      {"workers", "many", "whole number"},
      {"workers", "-1", "whole number"},
      {"workers", "1.5", "whole number"},
      {"workers", "", "whole number"},
      {"workers", "99999999999999999999", "whole number"},
      {"writers", "0", "from 1 to 64"},
      {"writers", "65", "from 1 to 64"},
      {"flows-max", "0", "from 1"},
      {"flows-max", "300000000", "to 268435456"},
      {"worker-cpus", "x", "from 0"},
      {"worker-cpus", "0,99999", "from 0"},
      {"worker-cpus", "0,,1", "from 0"},
      {"budget", "lots", "64KiB"},
      {"ring", "-1MiB", "64KiB"},
      {"buffer", "64 apples", "64KiB"},
      {"dpdk-memory", "x", "64KiB"},
      {"for", "10", "ms"},
      {"report-every", "often", "ms"},
      {"compression", "best", "fast"},
      {"timestamps", "mine", "kernel"},
      {"budget", "0", "leave it out"},
      {"budget", "101%", "from 1% to 100%"},
      {"keep-free", "much", "64KiB"},
      {"keep-at-most", "3", "ms"},
      {"for", "0s", "leave it out"},
      {"buffer", "1PiB", "memory"},
      {"interface", "eth9", "once"},
      {"cutoff", "some", "headers"},
      {"cutoff", "4GiB", "below"},
      {"cutoff-for", "port 443", "FILTER=POLICY"},
      {"cutoff-for", "port 443=much", "headers"},
  }));
  CAPTURE(bad.option, bad.value);
  check_says(refusal(with({std::string("--") + bad.option, bad.value})), {bad.option, bad.value, bad.remedy});
}

TEST_CASE("what is missing, unknown, doubled or out of place is refused by name") {
  check_says(refusal({"--interface", "eth9"}), {"--store", "TAPLINE_STORE"});
  check_says(refusal({"--store", "/s"}), {"--interface", "--dpdk-port", "ip link"});
  check_says(refusal(with({"--colour"})), {"colour", "--help"});
  check_says(refusal(with({"--worker", "2"})), {"worker", "--help"});  // no guessing
  check_says(refusal(with({"eth7"})), {"--help"});
  check_says(refusal({"--store", "/s", "--interface"}), {"interface"});
  check_says(refusal(with({"--budget", "1GiB", "--budget", "2GiB"})), {"budget", "2 times"});
  const Strings dpdk = {"--store", "/s", "--dpdk-port", "net_null0"};
  Strings bad = dpdk;
  bad.emplace_back("--no-promiscuous");
  check_says(refusal(bad), {"no-promiscuous", "--interface"});
  bad = dpdk;
  bad.insert(bad.end(), {"--timestamps", "hardware"});
  check_says(refusal(bad), {"timestamps", "--interface"});
}

TEST_CASE("the store may come from the environment; the command line comes before it") {
  ::setenv("TAPLINE_STORE", "/from/environment", 1);
  const SensorOptions from_environment = parse({"--interface", "eth9"});
  const SensorOptions from_line = parse(with({}));
  ::unsetenv("TAPLINE_STORE");
  CHECK(from_environment.store == "/from/environment");
  CHECK(from_line.store == "/var/store");
}

TEST_CASE("a configuration file says what the command line does not") {
  const TemporaryFolder folder;
  const std::string path = write_config(folder,
                                        "# the tap behind the firewall\n"
                                        "store = /srv/tap   # a comment\n"
                                        "\n"
                                        "interface = eth1\n"
                                        "interface = eth2\n"
                                        "workers = 4\n"
                                        "budget = 1TB\n"
                                        "no-packets = true\n"
                                        "no-promiscuous = no\n");
  const SensorOptions options = parse({"--config", path, "--workers", "2"});
  CHECK(options.store == "/srv/tap");
  CHECK(options.interfaces == Strings{"eth1", "eth2"});
  CHECK(options.workers == 2);
  CHECK(options.recorder.limits.bytes == 1'000'000'000'000);
  CHECK_FALSE(options.recorder.store_packets);
  CHECK(options.promiscuous);
  const SensorOptions other = parse({"--interface", "eth7", "--config", path, "--no-promiscuous"});
  CHECK(other.interfaces == Strings{"eth7"});
  CHECK_FALSE(other.promiscuous);
  CHECK(other.workers == 4);
}

TEST_CASE("mistakes in a configuration file are refused with its name") {
  const TemporaryFolder folder;
  const std::string text = GENERATE(as<std::string>(), "colour = blue\n", "workers\n",
                                    "[section]\nworkers = 2\n", "no-packets = perhaps\n", "= 4\n");
  CAPTURE(text);
  const std::string path = write_config(folder, text);
  check_says(refusal(with({"--config", path})), {path, "--help"});
  const std::string twice = write_config(folder, "workers = 1\nworkers = 2\n");
  check_says(refusal(with({"--config", twice})), {"workers", "2 times"});
}

TEST_CASE("a configuration file that cannot be read is named") {
  SensorOptions options;
  const Result<std::string> parsed = parse_options(with({"--config", "/missing/sensor.conf"}), options);
  REQUIRE_FALSE(parsed.ok());
  check_says(parsed.error().context, {"--config", "/missing/sensor.conf"});
}

TEST_CASE("the help text has a line for every option, and needs nothing else") {
  SensorOptions options;
  const std::string form = GENERATE("--help", "-h");
  const Result<std::string> answer = parse_options({form}, options);
  REQUIRE(answer.ok());
  const std::string list = answer->substr(answer->find("\nOptions"));
  std::size_t described = 0;
  for (const std::string& name : kOptions) {
    CAPTURE(name);
    const std::size_t at = list.find("--" + name + " ");
    REQUIRE(at != std::string::npos);
    const std::string line = list.substr(at, list.find('\n', at) - at);
    CHECK(line.size() > name.size() + 15);  // and says something
  }
  for (std::size_t at = list.find("--"); at != std::string::npos; at = list.find("--", at + 2)) {
    described += list.substr(list.rfind('\n', at), at - list.rfind('\n', at)).find_first_not_of("\n -h[") ==
                         std::string::npos
                     ? 1
                     : 0;
  }
  CHECK(described == kOptions.size());  // there are no others
}

TEST_CASE("the quota of holds is a size or a share") {
  CHECK(parse(with({})).hold_quota_percent == 25);
  CHECK(parse(with({"--hold-quota", "60%"})).hold_quota_percent == 60);
  CHECK(parse(with({"--hold-quota", "2GiB"})).hold_quota_bytes == 2u << 30);
  check_says(refusal(with({"--hold-quota", "0"})), {"hold-quota", "hold nothing"});
  check_says(refusal(with({"--hold-quota", "91%"})), {"hold-quota", "90"});
  check_says(refusal(with({"--hold-quota", "lots"})), {"hold-quota", "lots"});
}

TEST_CASE("the scrub has a rate, also none") {
  CHECK(parse(with({})).scrub_bytes_per_second == 8u << 20);
  CHECK(parse(with({"--scrub", "100MB"})).scrub_bytes_per_second == 100'000'000);
  CHECK(parse(with({"--scrub", "0"})).scrub_bytes_per_second == 0);
  check_says(refusal(with({"--scrub", "fast"})), {"scrub", "fast"});
}

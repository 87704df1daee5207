#pragma once
// SensorOptions: what tapline-sensor is told, by command line and configuration file.

#include <string>
#include <vector>

#include "capture/af_packet/af_packet_source.hpp"
#include "capture/base/result.hpp"
#include "sensor/recorder.hpp"
#include "storage/scrubber.hpp"

namespace tapline::sensor {

struct SensorOptions {
  std::string store;
  std::string sensor_name;           // of a new store; empty: the host's name
  std::vector<std::string> volumes;  // more directories for packets
  std::vector<std::string> interfaces;
  std::vector<std::string> dpdk_ports;
  std::uint64_t dpdk_memory_bytes = 256ull << 20;
  unsigned workers = 1;                           // per interface or port
  std::uint64_t kernel_ring_bytes = 64ull << 20;  // per worker
  TimestampSource timestamps = TimestampSource::kAuto;
  bool promiscuous = true;
  TimeNs run_ns = 0;                     // stop after so long; 0: run until a signal comes
  TimeNs report_ns = 60 * kNsPerSecond;  // how often the log gets a line of figures; 0: never
  std::uint64_t scrub_bytes_per_second = storage::ScrubConfig().bytes_per_second;  // 0: no scrub
  std::uint64_t hold_quota_bytes = 0;  // 0: hold_quota_percent of the budget
  unsigned hold_quota_percent = 25;
  RecorderConfig recorder;
};

/// Not empty: `--help` was given, and this is the answer. kInvalid names option or file, the value and the
/// remedy.
Result<std::string> parse_options(const std::vector<std::string>& arguments, SensorOptions& options);

}  // namespace tapline::sensor

#pragma once
// Opening what the sensor is told to record: interfaces, then DPDK ports, numbered in that order.

#include "sensor/recorder.hpp"
#include "sensor/sensor_options.hpp"

namespace tapline::sensor {

/// One port each, its queues opened and receiving. Errors as open_af_packet() and open_dpdk_port();
/// kUnsupported for DPDK ports in a build without DPDK.
Result<std::vector<LivePort>> open_ports(const SensorOptions& options);

}  // namespace tapline::sensor

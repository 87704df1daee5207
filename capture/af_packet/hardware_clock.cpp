#include "capture/af_packet/hardware_clock.hpp"

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "capture/af_packet/interface.hpp"
#include "capture/base/file.hpp"

namespace tapline {

namespace {

constexpr TimeNs kOffsetMaxNs = 1'000'000;

ifreq request_with(const std::string& interface, void* data) {
  ifreq request = interface_request(interface);
  request.ifr_data = static_cast<char*>(data);
  return request;
}

TimeNs to_ns(const timespec& time) {
  return TimeNs{time.tv_sec} * kNsPerSecond + time.tv_nsec;
}

/// How far /dev/ptp<number> is ahead of CLOCK_REALTIME.
Result<TimeNs> clock_offset_ns(int number) {
  Result<File> device = File::open_read("/dev/ptp" + std::to_string(number));
  if (!device) return device.error();
  // FD_TO_CLOCKID of Documentation/driver-api/ptp.rst: dynamic POSIX clocks are numbered by their
  // descriptors.
  const auto clock_id = static_cast<clockid_t>((~static_cast<unsigned>(device->descriptor()) << 3U) | 3U);
  timespec before{};
  timespec card{};
  timespec after{};
  clock_gettime(CLOCK_REALTIME, &before);
  if (clock_gettime(clock_id, &card) != 0) return io_error("read the clock", device->path());
  clock_gettime(CLOCK_REALTIME, &after);
  return to_ns(card) - (to_ns(before) + (to_ns(after) - to_ns(before)) / 2);
}

/// The number of the card's clock.
Result<int> find_clock(int socket, const std::string& interface) {
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  ifreq request = request_with(interface, &info);
  const bool known = ioctl(socket, SIOCETHTOOL, &request) == 0;
  const bool stamps = (info.so_timestamping & SOF_TIMESTAMPING_RAW_HARDWARE) != 0 &&
                      (info.rx_filters & (1U << HWTSTAMP_FILTER_ALL)) != 0;
  if (!known || !stamps || info.phc_index < 0) {
    return Error{ErrorCode::kUnsupported, interface + " cannot stamp all received frames in hardware"};
  }
  return info.phc_index;
}

Status switch_on(int socket, const std::string& interface) {
  hwtstamp_config stamping{};
  ifreq request = request_with(interface, &stamping);
  // Another program (ptp4l) may have sent frames stamped: that stays as it is.
  if (ioctl(socket, SIOCGHWTSTAMP, &request) != 0) stamping = {};
  stamping.rx_filter = HWTSTAMP_FILTER_ALL;
  if (ioctl(socket, SIOCSHWTSTAMP, &request) != 0)
    return io_error("switch on hardware time stamps of", interface);
  return {};
}

Result<TimestampChoice> try_hardware(int socket, const std::string& interface, bool insist) {
  const Result<int> clock = find_clock(socket, interface);
  if (!clock) return clock.error();
  const Result<TimeNs> offset_ns = clock_offset_ns(*clock);
  if (!offset_ns && !insist) return offset_ns.error();
  const bool agrees = offset_ns.ok() && std::abs(*offset_ns) <= kOffsetMaxNs;
  if (!agrees && !insist) {
    return Error{ErrorCode::kUnsupported, "the clock of " + interface + " is off by " +
                                              std::to_string(*offset_ns) + " ns; phc2sys sets it"};
  }
  TAPLINE_TRY(switch_on(socket, interface));
  return TimestampChoice{true, interface + ": time stamps of the network card, /dev/ptp" +
                                   std::to_string(*clock) +
                                   (agrees ? "" : ", which does not agree with the system's clock")};
}

}  // namespace

Result<TimestampChoice> choose_timestamps(int socket, const std::string& interface, TimestampSource wanted) {
  if (wanted == TimestampSource::kKernel) {
    return TimestampChoice{false, interface + ": time stamps of the kernel, as configured"};
  }
  const bool insist = wanted == TimestampSource::kHardware;
  Result<TimestampChoice> choice = try_hardware(socket, interface, insist);
  if (choice) return choice;
  if (insist) return Error{choice.error().code, choice.error().context + "; kernel time stamps would work"};
  return TimestampChoice{false, interface + ": time stamps of the kernel (" + choice.error().context + ")"};
}

}  // namespace tapline

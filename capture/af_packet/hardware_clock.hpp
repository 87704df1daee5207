#pragma once
// Whether the time stamps of a network card can be trusted: cards stamp frames with a clock of their own
// (PHC, Documentation/driver-api/ptp.rst), which says nothing about the time of day until somebody sets it
// (phc2sys).

#include <string>

#include "capture/af_packet/af_packet_source.hpp"

namespace tapline {

struct TimestampChoice {
  bool hardware = false;
  std::string reason;  // for a notice: which clock, and why
};

/// Switches the card's time stamps of received frames on, where they are going to be used. An error only
/// where `wanted` insists on hardware and there is none. `socket`: any open socket.
Result<TimestampChoice> choose_timestamps(int socket, const std::string& interface, TimestampSource wanted);

}  // namespace tapline

#pragma once
// What the live tests do with AF_PACKET sources. Whatever waits is bounded.

#include <memory>
#include <string>
#include <vector>

#include "capture/af_packet/af_packet_source.hpp"
#include "tests/live/private_network.hpp"

namespace tapline {

using Sources = std::vector<std::unique_ptr<FrameSource>>;

/// Whether live tests cannot run here; says why.
bool must_skip();

/// A small ring, and blocks that come soon.
AfPacketConfig config_for(const std::string& interface, unsigned workers = 1);
Sources open_sources(const AfPacketConfig& config);

FrameBytes frame_of(std::size_t bytes, std::uint8_t fill);
/// A frame of `bytes` with these bytes behind the addresses.
FrameBytes with_types(const FrameBytes& types, std::size_t bytes);

/// Polls until so many frames have come, or nothing has for too long. Reads the device now and then.
std::vector<FrameBytes> poll_frames(FrameSource& source, std::size_t frames_wanted);
/// Everything after stop_receiving(), to the end: how many frames.
std::uint64_t drain(FrameSource& source);
/// After the end: received equals polled.
void check_balance(FrameSource& source);
/// Reads the device until it says so; interfaces take a moment.
bool device_becomes(FrameSource& source, bool readable);
std::string all_notices(FrameSource& source);
/// All notices until one has this text in it: the kernel reports links with some delay.
std::string notices_until(FrameSource& source, const std::string& text);

}  // namespace tapline

#pragma once
// open_capture_file(): frames from a capture file: pcap (both byte orders, microseconds and nanoseconds, the
// modified variants that libpcap accepts), pcapng (sections, several interfaces with different link types,
// resolutions and snap lengths), either of them plain, gzip'ed or zstd'ed, from a path or from standard
// input. Times keep their nanoseconds; odd ones (1970, fractions below 0 or past a second, backwards) keep
// their instant. A damaged file yields what is whole, then an error that names the file, the offset and the
// cause. Used by one thread. Memory: one window (input_window.hpp) and, for each of up to two layers of
// compression, another one and a decompressor; frames point into the window (no copy per packet).

#include <memory>
#include <string>

#include "capture/frame_source.hpp"

namespace tapline {

/// `path` "-" is standard input. Errors: kIo, kCorrupt (not a capture file, with the magic found),
/// kUnsupported.
Result<std::unique_ptr<FrameSource>> open_capture_file(const std::string& path);

}  // namespace tapline

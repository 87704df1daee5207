#pragma once
// CaptureReader: finds the frames in the bytes of one capture file format. It looks at an InputWindow that it
// does not own, holds no frames itself, and never allocates per frame. Used by one thread. A burst ends early
// at whatever is not a frame within the window (its end, damage), and the next call begins there: so frames
// stay where they are until then, and an error is returned only when nothing whole came before it.

#include <memory>
#include <span>

#include "capture/files/input_window.hpp"
#include "capture/frame_source.hpp"
#include "capture/packet/frame.hpp"

namespace tapline {

class CaptureReader {
 public:
  virtual ~CaptureReader() = default;
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  /// As FrameSource::poll, with one addition: 0 frames and no end are possible after a long run of blocks
  /// that hold none. kCorrupt, kUnsupported, kIo and kLimit are final.
  virtual Result<PollResult> read_burst(std::span<Frame> frames) = 0;

 protected:
  CaptureReader() = default;
};

/// Both take the window at the beginning of the (decompressed) file; it must outlive the reader. They have
/// checked nothing but the magic number when they begin; errors as above.
Result<std::unique_ptr<CaptureReader>> open_pcap(InputWindow& window);
Result<std::unique_ptr<CaptureReader>> open_pcapng(InputWindow& window);

bool is_pcap(std::uint32_t magic_le);
bool is_pcapng(std::uint32_t magic_le);

}  // namespace tapline

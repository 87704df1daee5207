#include "tools/text_output.hpp"

#include <unistd.h>

#include <cerrno>

namespace tapline::tools {

TextOutput TextOutput::standard() {
  return TextOutput(File::adopt(::dup(STDOUT_FILENO), "standard output"));
}

Status TextOutput::flush() {
  errno = 0;
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(buffer_.data()), buffer_.size());
  Status written = file_.write_all(bytes);
  if (!written) broken_pipe_ = errno == EPIPE;
  buffer_.clear();
  return written;
}

}  // namespace tapline::tools

#pragma once
// TextOutput: standard output or another file, written in large pieces. One thread.

#include "capture/base/file.hpp"
#include "tools/field_value.hpp"

namespace tapline::tools {

class TextOutput {
 public:
  explicit TextOutput(File file) : file_(std::move(file)) {}
  /// A duplicate of standard output, so that it can be closed with the object.
  static TextOutput standard();

  TextBuffer& buffer() { return buffer_; }
  /// To be called after every row; writes once enough has come together.
  Status flush_if_full() { return buffer_.size() >= kPieceBytes ? flush() : Status(); }
  Status flush();
  /// The reader went away (`tapline flows | head`): the error is nothing that has to be told.
  bool broken_pipe() const { return broken_pipe_; }

 private:
  static constexpr std::size_t kPieceBytes = 256 * 1024;

  File file_;
  TextBuffer buffer_;
  bool broken_pipe_ = false;
};

}  // namespace tapline::tools

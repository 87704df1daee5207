#pragma once
// ByteInput: a stream of bytes read from front to back: a file or pipe, memory, or what a decompressor makes
// of another input. Used by one thread.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "capture/base/bytes.hpp"
#include "capture/base/file.hpp"
#include "capture/base/result.hpp"
#include "capture/frame_source.hpp"

namespace tapline {

class ByteInput {
 public:
  virtual ~ByteInput() = default;
  ByteInput(const ByteInput&) = delete;
  ByteInput& operator=(const ByteInput&) = delete;

  /// At least one byte and at most out.size() (never 0); 0 at the end. A pipe gives what it has, so that a
  /// live writer's frames are seen at once. An error comes after every byte that was good before it, and is
  /// final.
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
  /// In bytes of the outermost input: of a compressed file, compressed bytes.
  virtual SourceProgress progress() const = 0;

 protected:
  ByteInput() = default;
};

/// A regular file, a pipe, standard input.
class FileInput final : public ByteInput {
 public:
  explicit FileInput(File file);
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  SourceProgress progress() const override { return progress_; }

 private:
  File file_;
  SourceProgress progress_;
};

/// Bytes in memory, which must outlive it.
class MemoryInput final : public ByteInput {
 public:
  explicit MemoryInput(Bytes bytes) : rest_(bytes), total_bytes_(bytes.size()) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override;
  SourceProgress progress() const override { return {total_bytes_ - rest_.size(), total_bytes_}; }

 private:
  Bytes rest_;
  std::size_t total_bytes_;
};

}  // namespace tapline

#pragma once
// A run that is being recorded, moved on by a test, and what somebody who follows it is given.

#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "storage/ledger_file.hpp"
#include "storage/query/following.hpp"
#include "tests/query/ring_writer.hpp"
#include "tests/query/store_answer.hpp"

namespace tapline::query::test {

inline TimeNs time_of(std::uint64_t number) {
  return kStart + static_cast<TimeNs>(number) * kStepNs;
}

/// A recorder of one worker on eth1, moved on by a test.
class OpenRun {
 public:
  explicit OpenRun(std::uint64_t segment_bytes = 1u << 20)
      : writer_(small_files(*store_, segment_bytes)), pipeline_(writer_), ledger_(ledger_config()) {
    source_.id.fill(7);
    source_.path = "eth1";
    source_.live = true;
    source_.first_ns = kStart;
    must(storage::save_source(*store_, source_));
    lock_.emplace(must(storage::StoreLock::acquire(*store_)));
  }

  void append(const storage::TestFrame& frame) { must(pipeline_.append(frame)); }
  void append_until(std::uint64_t end) {
    for (; next_ < end; ++next_) append(numbered_frame(next_));
  }
  void seal() { writer_.lanes().seal_all(); }
  /// All frames before `number` are on the disk.
  void say_complete(std::uint64_t number) {
    seal();
    ledger_.note_complete(time_of(number));
    must(ledger_.append({}));
    must(ledger_.flush());
  }
  void publish() { must(writer_.finish()); }
  void stop() {
    publish();
    must(ledger_.finish());
    source_.state = storage::SourceState::kComplete;
    source_.last_ns = time_of(next_) - 1;
    must(storage::save_source(*store_, source_));
    lock_.reset();
  }

  const storage::Store& operator*() const { return *store_; }
  const storage::Store* operator->() const { return &*store_; }

 private:
  storage::RowGroupFileConfig ledger_config() const {
    storage::RowGroupFileConfig config;
    config.directory = store_->ledger_directory();
    config.source_id.fill(7);
    return config;
  }

  TestStore store_;
  storage::FrameSegmentWriter writer_;
  storage::TestPipeline pipeline_;
  storage::LedgerFileWriter ledger_;
  storage::Source source_;
  std::optional<storage::StoreLock> lock_;
  std::uint64_t next_ = 0;
};

inline std::vector<std::uint64_t> take(Following& following) {
  std::vector<std::uint64_t> numbers;
  while (const Frame* frame = following.next()) numbers.push_back(number_of(frame->time_ns));
  return numbers;
}

inline std::vector<std::uint64_t> look_and_take(Following& following) {
  must(following.look_again());
  return take(following);
}

}  // namespace tapline::query::test

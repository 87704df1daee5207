// Disks that refuse, and what the books say then. LiveRig::stop() asserts the conservation law: frames that
// are neither in a segment nor booked as dropped fail every test here.

#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/sensor/broken_folder.hpp"
#include "tests/sensor/live_rig.hpp"

using namespace tapline;
using namespace tapline::sensor;
using namespace tapline::storage;
using namespace tapline::test;

namespace {

std::int64_t dropped(const LiveRig& rig, DropCause cause) {
  return rig.count(kFrameDropped + static_cast<std::size_t>(cause));
}

void receive(LiveRig& rig, std::uint32_t frames, std::size_t payload_bytes = 200) {
  for (std::uint32_t i = 0; i < frames; ++i) rig.script->receive(LiveRig::udp_now(i % 50, payload_bytes));
}

/// A memory disk of its own in place of a folder, while the object lives.
class SmallDisk {
 public:
  SmallDisk(const std::string& folder, const char* size) : folder_(folder) {
    mounted_ = ::mount("tapline-test", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }
  bool resize(const char* size) const {
    return ::mount("tapline-test", folder_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_REMOUNT, size) == 0;
  }

 private:
  std::string folder_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("while packets cannot be written they are dropped and counted, and it goes on when they can") {
  LiveRig rig(small_blocks());
  const BrokenFolder packets(rig.store.packets());
  receive(rig, 300);
  rig.run_for(3 * kNsPerSecond);
  CHECK_FALSE(rig.writer.take_errors().empty());
  CHECK_FALSE(rig.writer.records_failed());
  CHECK(dropped(rig, DropCause::kIoError) == 300);
  packets.restore();
  rig.run_for(kNsPerSecond);
  rig.writer.take_errors();
  receive(rig, 200);
  rig.run_for(kNsPerSecond);
  CHECK(rig.writer.take_errors().empty());
  rig.stop();
  CHECK(dropped(rig, DropCause::kIoError) == 300);
  CHECK(rig.count(kFrameStoredWhole) == 200);
  CHECK_FALSE(rig.writer.records_error());
}

TEST_CASE("a segment that cannot be published stays readable, and the next one begins a second later") {
  RigConfig config = small_blocks();
  config.segment.segment_duration_ns_max = 10 * kNsPerSecond;
  LiveRig rig(config);
  receive(rig, 100);
  rig.run_for(5 * kNsPerSecond);
  const BrokenFolder packets(rig.store.packets());
  rig.run_for(7 * kNsPerSecond);  // its time comes
  CHECK_FALSE(rig.writer.take_errors().empty());
  packets.restore();
  rig.run_for(2 * kNsPerSecond);
  CHECK(rig.writer.take_errors().empty());
  receive(rig, 100);  // no frame is lost to find out that the first segment is done for
  rig.run_for(kNsPerSecond);
  rig.stop();
  CHECK(rig.count(kFrameStoredWhole) == 200);
  CHECK(rig.files().totals().dropped_frames() == 0);
}

TEST_CASE("a budget without room for a segment drops packets as no_space; sessions are recorded") {
  RigConfig config = small_blocks();
  config.budget_bytes = 100'000;
  LiveRig rig(config);
  receive(rig, 300);
  rig.run_for(3 * kNsPerSecond);
  rig.stop();
  CHECK(dropped(rig, DropCause::kNoSpace) == 300);
  CHECK_FALSE(rig.writer.records_error());
  CHECK_FALSE(read_sessions(*rig.store).empty());
}

TEST_CASE("a full disk costs what did not fit, exactly, leaves no litter, and it goes on with more room") {
  LiveRig rig(small_blocks());
  const SmallDisk disk(rig.store.packets(), "size=256k");
  if (!disk.mounted()) {
    WARN("skipped: may not mount a memory disk");
    return;
  }
  for (int i = 0; i < 10; ++i) {
    receive(rig, 200, 900);
    rig.run_for(kNsPerSecond);
  }
  CHECK_FALSE(rig.writer.take_errors().empty());
  const std::size_t files = scan(*rig.store).segments.size();
  CHECK(files <= 2);
  rig.run_for(5 * kNsPerSecond);
  REQUIRE(disk.resize("size=64m"));
  rig.run_for(kNsPerSecond);
  rig.writer.take_errors();
  receive(rig, 500, 900);
  rig.run_for(kNsPerSecond);
  CHECK(rig.writer.take_errors().empty());
  rig.stop();
  CHECK(dropped(rig, DropCause::kNoSpace) > 500);
  CHECK(rig.count(kFrameStoredWhole) >= 500);
}

TEST_CASE("session records that cannot be written end the recording, with the books complete") {
  LiveRig rig;
  const BrokenFolder sessions(rig.store->sessions_directory());
  receive(rig, 100);
  rig.run_for(20 * kNsPerSecond);  // they end
  CHECK(rig.writer.records_failed());
  CHECK_FALSE(rig.writer.take_errors().empty());
  receive(rig, 100);
  rig.run_for(kNsPerSecond);
  rig.worker->request_stop();
  for (int steps = 0; rig.worker->step() != StepResult::kDone; ++steps) {
    REQUIRE(steps < 100'000);
    rig.write();
  }
  rig.finish_writer();
  sessions.restore();
  REQUIRE(rig.writer.records_error());  // although somebody has taken the errors
  CHECK(rig.writer.records_error()->context.find("sessions") != std::string::npos);
  CHECK(rig.files().totals().check().ok());
  CHECK(rig.count(kFramePolled) == 200);
  CHECK(read_frames(*rig.store).size() == 200);
  LedgerTotals on_disk;
  for (const LedgerRow& row : read_ledger_rows(*rig.store, rig.source_id)) on_disk.add(row);
  CHECK(on_disk.counts() == rig.files().totals().counts());
}

TEST_CASE("packets that cannot be published at the stop keep neither sessions nor ledger from it") {
  LiveRig rig(small_blocks());
  receive(rig, 100);
  rig.run_for(kNsPerSecond);
  const BrokenFolder packets(rig.store.packets());
  rig.worker->request_stop();
  for (int steps = 0; rig.worker->step() != StepResult::kDone; ++steps) {
    REQUIRE(steps < 100'000);
    rig.write();
  }
  rig.finish_writer();
  packets.restore();
  CHECK(rig.writer.records_error());
  for (const CatalogFile& file : scan(*rig.store).sessions) CHECK_FALSE(file.open);
  for (const CatalogFile& file : scan(*rig.store).ledgers) CHECK_FALSE(file.open);
  rig.require_books();
}

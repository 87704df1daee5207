#include "sensor/writer.hpp"

#include <algorithm>
#include <utility>

namespace tapline::sensor {
namespace {

constexpr TimeNs kHousekeepPeriodNs = kNsPerSecond;
constexpr int kParcelsPerStep = 16;  // of one worker, before the next one's turn
constexpr std::size_t kErrorsKept = 100;

}  // namespace

void Writer::add(ThreadExchange& exchange, std::unique_ptr<WorkerFiles> files) {
  outlets_.push_back({&exchange, std::move(files)});
}

StepResult Writer::step() {
  const bool finish_requested = finish_requested_.load(std::memory_order_acquire);
  bool any = false;
  for (Outlet& outlet : outlets_) any |= write_some(outlet);
  if (const TimeNs now_ns = steady_clock_(); now_ns - housekept_ns_ >= kHousekeepPeriodNs) {
    housekept_ns_ = now_ns;
    housekeep();
  }
  if (any) return StepResult::kBusy;
  for (Outlet& outlet : outlets_) keep_error(outlet.files->flush_packets());
  if (!finish_requested) return StepResult::kIdle;
  finish();
  return StepResult::kDone;
}

bool Writer::write_some(Outlet& outlet) {
  Parcel parcel;
  int received = 0;
  for (; received < kParcelsPerStep && outlet.exchange->receive(parcel); ++received) {
    if (parcel.block != nullptr) {
      write_block(outlet, *parcel.block);
    } else {
      outlet.order_ns = parcel.batch->complete_until_ns;
      keep_records_error(outlet.files->write(*parcel.batch));
    }
    outlet.exchange->give_back(parcel);
  }
  return received > 0;
}

void Writer::write_block(Outlet& outlet, const storage::PacketBlock& block) {
  const storage::WriteEffort effort = outlet.effort.choose(outlet.exchange->backlog_eighths());
  if (effort == storage::WriteEffort::kRaw) {
    blocks_hurried_.fetch_add(1, std::memory_order_relaxed);
  } else if (effort != storage::WriteEffort::kNormal) {
    blocks_lowered_.fetch_add(1, std::memory_order_relaxed);
  }
  keep_error(outlet.files->write(block, effort));
  if (const std::optional<Error> error = outlet.files->take_encoding_error()) keep_error(*error);
}

void Writer::housekeep() {
  for (Outlet& outlet : outlets_) keep_error(outlet.files->housekeep(outlet.order_ns));
}

void Writer::finish() {
  for (Outlet& outlet : outlets_) keep_records_error(outlet.files->finish());
}

void Writer::keep_records_error(const Status& status) {
  if (!status && !records_error_) records_error_ = status.error();
  if (!status) records_failed_.store(true, std::memory_order_relaxed);
  keep_error(status);
}

void Writer::keep_error(const Status& status) {
  if (status) return;
  const std::lock_guard lock(errors_mutex_);
  const bool known = std::ranges::any_of(
      errors_, [&](const Error& error) { return error.context == status.error().context; });
  if (!known && errors_.size() < kErrorsKept) errors_.push_back(status.error());
}

std::vector<Error> Writer::take_errors() {
  const std::lock_guard lock(errors_mutex_);
  return std::exchange(errors_, {});
}

}  // namespace tapline::sensor

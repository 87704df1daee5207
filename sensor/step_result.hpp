#pragma once
// StepResult: what a step of a worker or writer came to. Their threads are `while (step() != kDone)`.

#include <cstdint>

namespace tapline::sensor {

enum class StepResult : std::uint8_t {
  kBusy,  // something was done; there may be more
  kIdle,  // there was nothing to do
  kDone,  // there will never be anything to do again
};

}  // namespace tapline::sensor

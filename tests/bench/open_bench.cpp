// open_bench: what a sensor's start costs with many segments in the store: recovery, coverage's catalog, the
// ring. The segments are empty files with names and indexes: a start looks at no more of finished ones.
//
// usage: open_bench FOLDER [SEGMENTS]    FOLDER does not exist yet, and is left

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <functional>

#include "storage/catalog.hpp"
#include "storage/recovery.hpp"
#include "storage/ring.hpp"

namespace {

using namespace tapline;
using namespace tapline::storage;

double seconds_of(const std::function<bool()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  if (!work()) fmt::print("failed\n");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

bool make_segments(const Store& store, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const TimeNs first_ns = static_cast<TimeNs>(1'767'225'600 + 10 * i) * kNsPerSecond;
    const FinalName name{first_ns, first_ns + 9 * kNsPerSecond, 0, 0, i + 1};
    const std::string stem = store.packets_directory() + "/";
    if (!store.disk().create(stem + final_name(name, kIndexSuffix))) return false;
    if (!store.disk().create(stem + final_name(name, kPacketSuffix))) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: open_bench FOLDER [SEGMENTS]\n");
    return 2;
  }
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000;
  const Result<Store> store = Store::open_or_create(argv[1], "bench");
  if (!store || !make_segments(*store, count)) {
    fmt::print(stderr, "cannot make {}\n", argv[1]);
    return 1;
  }
  Ring ring(*store, std::uint64_t{1} << 40);
  fmt::print("{} segments: open {:.3f} s, recovery {:.3f} s, catalog {:.3f} s, ring {:.3f} s\n", count,
             seconds_of([&] { return Store::open(argv[1]).ok(); }),
             seconds_of([&] { return recover_store(*store).ok(); }),
             seconds_of([&] { return Catalog::scan(*store).ok(); }),
             seconds_of([&] { return ring.load().ok(); }));
  return 0;
}

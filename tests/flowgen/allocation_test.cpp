// Nothing allocates after create(): operator new of this program counts.

#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <random>

#include "tests/flowgen/packet_maker.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const at = std::malloc(bytes == 0 ? 1 : bytes)) return at;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto align = static_cast<std::size_t>(alignment);
  if (void* const at = std::aligned_alloc(align, (bytes + align - 1) / align * align)) return at;
  throw std::bad_alloc();
}
// Catch registers its cases with this one; the sanitizer wants it to come from the same place.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void operator delete(void* at) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::align_val_t) noexcept {
  std::free(at);
}
void operator delete(void* at, std::size_t, std::align_val_t) noexcept {
  std::free(at);
}

namespace tapline::flowgen {

TEST_CASE("update, advance and finish allocate nothing, whatever happens to flows") {
  FlowTableConfig config = Driver::small_config();
  config.flows_max = 64;  // evictions, too
  const auto table = *FlowTable::create(config);
  std::mt19937_64 random(5);
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<Frame> frames;
  std::vector<PacketMeta> metas;
  for (std::uint32_t i = 0; i < 64 * 500; ++i) {
    Packet packet;
    packet.time_ns = kStart + i * 20 * kMs;
    packet.source = 1 + static_cast<std::uint32_t>(random() % (i < 64 * 250 ? 20 : 200));
    packet.tcp_flags = static_cast<std::uint8_t>(random() % 32);
    packet.payload.assign(random() % 2 * 150, static_cast<std::uint8_t>(i));
    bytes.push_back(make_bytes(packet));
    metas.push_back(make_meta(packet));
    Frame frame;
    frame.time_ns = packet.time_ns;
    frame.order = {packet.time_ns, 0};
    frame.captured_bytes = static_cast<std::uint32_t>(bytes.back().size());
    frames.push_back(frame);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i].data = bytes[i].data();

  std::array<FlowHit, 64> hits;
  const std::size_t before = allocations;
  for (std::size_t at = 0; at < frames.size(); at += 64) {
    table->update({&frames[at], 64}, {&metas[at], 64}, hits);
    table->advance(100);
    table->clear_records();
  }
  table->finish(1000);
  CHECK(allocations == before);
  CHECK(table->counters().flows_evicted > 0);
  CHECK(table->counters().records_written > table->counters().flows_begun);
}

}  // namespace tapline::flowgen

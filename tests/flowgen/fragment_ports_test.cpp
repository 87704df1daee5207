// Later fragments in the session of their first one.

#include "flowgen/fragment_ports.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "tests/flowgen/packet_maker.hpp"

namespace tapline::flowgen {
namespace {

constexpr TimeNs kWaitNs = TimeNs{FragmentPorts::kWaitUnits} << 30;

Packet first(std::uint16_t id, std::uint16_t source_port = 40'000) {
  Packet packet;
  packet.time_ns = kStart;
  packet.ip_proto = kIpProtoUdp;
  packet.source_port = source_port;
  packet.ip_id = id;
  packet.first_fragment = true;
  packet.payload_bytes = 1472;
  return packet;
}
Packet later(std::uint16_t id, TimeNs after_ns = kMs) {
  Packet packet = first(id).at(kStart + after_ns);
  packet.first_fragment = false;
  packet.later_fragment = true;
  packet.payload_bytes = 100;
  return packet;
}
template <class Change>
Packet changed(Packet packet, Change change) {
  change(packet);
  return packet;
}

using Endpoints = std::tuple<std::uint16_t, std::uint16_t, bool>;  // ports of A and B, fragments

/// Packets of each session.
std::map<Endpoints, std::uint64_t> sessions_of(const std::vector<Packet>& packets) {
  Driver driver;
  for (const Packet& packet : packets) driver.send(packet);
  driver.finish();
  std::map<Endpoints, std::uint64_t> found;
  for (const SessionRecord& record : driver.records) {
    if (!record.final()) continue;
    found[{record.key.port_a, record.key.port_b, (record.key.flags & kKeyFragment) != 0}] +=
        record.a_to_b.total.packets + record.b_to_a.total.packets;
  }
  return found;
}

constexpr Endpoints kJoined{40'000, 80, false};
constexpr Endpoints kOther{40'001, 80, false};
constexpr Endpoints kAlone{0, 0, true};

}  // namespace

TEST_CASE("a later fragment counts in the session of its first one") {
  CHECK(sessions_of({first(7), later(7), later(7, 2 * kMs)}) ==
        std::map<Endpoints, std::uint64_t>{{kJoined, 3}});
}

TEST_CASE("the hit of a frame says whether it was joined") {
  Driver driver;
  for (const auto& [packet, joined] :
       {std::pair(first(7), false), std::pair(later(7), true), std::pair(later(8), false)}) {
    driver.send(packet);
    CHECK(driver.hits().at(0).joined == joined);
  }
}

TEST_CASE("a fragment of another datagram has a session of its own") {
  const std::map<Endpoints, std::uint64_t> apart{{kJoined, 1}, {kAlone, 1}};
  CHECK(sessions_of({first(7), later(8)}) == apart);
  CHECK(sessions_of({later(7), first(7)}) == apart);  // its first one came behind it
  CHECK(sessions_of({first(7), changed(later(7), [](Packet& p) { p.ip_proto = kIpProtoSctp; })}) == apart);
  CHECK(sessions_of({first(7), changed(later(7), [](Packet& p) { p.destination += 1; })}) == apart);
  CHECK(sessions_of({first(7), changed(later(7), [](Packet& p) { std::swap(p.source, p.destination); })}) ==
        apart);
  CHECK(sessions_of({changed(first(7), [](Packet& p) { p.first_fragment = false; }), later(7)}) == apart);
}

TEST_CASE("both directions of a session have fragments, with the same identification") {
  const Packet answer = later(7).reply();
  CHECK(sessions_of({first(7), first(7).reply(), later(7), answer}) ==
        std::map<Endpoints, std::uint64_t>{{kJoined, 4}});
}

TEST_CASE("an address that speaks to itself has fragments") {
  const auto to_itself = [](Packet packet) {
    return changed(packet, [](Packet& p) { p.destination = p.source; });
  };
  CHECK(sessions_of({to_itself(first(7)), to_itself(later(7))}) ==
        std::map<Endpoints, std::uint64_t>{{{80, 40'000, false}, 2}});
}

TEST_CASE("of two first fragments with one identification the newer one counts") {
  CHECK(sessions_of({first(7), first(7, 40'001), later(7)}) ==
        std::map<Endpoints, std::uint64_t>{{kJoined, 1}, {kOther, 2}});
}

TEST_CASE("after a minute no fragment is waited for") {
  const auto sessions_after = [](TimeNs after_ns) {
    return sessions_of({first(7), later(7, after_ns)}).size();
  };
  CHECK(sessions_after(kWaitNs - kSecond) == 1);
  CHECK(sessions_after(kWaitNs + 2 * kSecond) == 2);
}

TEST_CASE("protocols without ports have one session for all their fragments") {
  const auto esp = [](Packet packet) {
    return changed(packet, [](Packet& p) {
      p.ip_proto = kIpProtoEsp;
      p.source_port = p.destination_port = 0;
    });
  };
  CHECK(sessions_of({esp(first(7)), esp(later(7))}) ==
        std::map<Endpoints, std::uint64_t>{{{0, 0, false}, 2}});
}

TEST_CASE("many datagrams under way are known") {
  std::vector<Packet> packets;
  for (std::uint16_t id = 1; id <= 8192; ++id) packets.push_back(first(id));
  for (std::uint16_t id = 1; id <= 8192; ++id) packets.push_back(later(id));
  // 40,960 have room; chance fills some sets with more than five.
  CHECK(sessions_of(packets).at(kJoined) > 16'384 - 82);
}

}  // namespace tapline::flowgen

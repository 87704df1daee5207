#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "capture/packet/flow_key.hpp"

namespace tapline {
namespace {

std::string id_of(int ip_proto, const std::string& source, const std::string& destination, int src_port,
                  int dst_port, std::uint16_t seed = 0) {
  FlowKey key;
  key.address_a = parse_address(source).value();
  key.address_b = parse_address(destination).value();
  key.port_a = static_cast<std::uint16_t>(src_port);
  key.port_b = static_cast<std::uint16_t>(dst_port);
  key.ip_proto = static_cast<std::uint8_t>(ip_proto);
  key.flags = source.find(':') != std::string::npos ? kKeyIpv6 : 0;
  const Direction direction = canonicalise(key);
  return community_id(key, direction, seed);
}

// What stands behind "name": in one flat JSON object, as the baseline's are.
std::string value_of(const std::string& object, const std::string& name) {
  const std::string label = '"' + name + "\": ";
  const std::size_t at = object.find(label);
  return at == std::string::npos ? "" : object.substr(at + label.size());
}
std::string text_of(const std::string& object, const std::string& name) {
  const std::string value = value_of(object, name);
  return value.substr(1, value.find('"', 1) - 1);
}
int number_of(const std::string& object, const std::string& name) {
  const std::string value = value_of(object, name);
  return value.rfind("null", 0) == 0 ? 0 : std::stoi(value);
}

std::string corpus_folder() {
  if (const char* given = std::getenv("TAPLINE_CORPUS"); given != nullptr) return given;
  return TAPLINE_SOURCE_DIR "/../shared/corpus";
}

}  // namespace

TEST_CASE("community ids of the specification") {
  // github.com/corelight/community-id-spec, baseline/baseline_deflt.json
  CHECK(id_of(6, "128.232.110.120", "66.35.250.204", 34855, 80) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  CHECK(id_of(6, "66.35.250.204", "128.232.110.120", 80, 34855) == "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
  CHECK(id_of(17, "192.168.1.52", "8.8.8.8", 54585, 53) == "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
  CHECK(id_of(132, "192.168.170.8", "192.168.170.56", 7, 7) == "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=");
  CHECK(id_of(6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25) ==
        "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
  CHECK(id_of(1, "192.168.0.89", "192.168.0.1", 8, 0) == "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
  CHECK(id_of(1, "192.168.0.1", "192.168.0.89", 0, 8) == "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
  CHECK(id_of(58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134) == "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=");
  CHECK(id_of(46, "10.1.12.1", "10.1.12.2", 0, 0) == "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=");  // RSVP: no ports
}

TEST_CASE("one-way ICMP is not sorted by community id") {
  CHECK(id_of(1, "10.0.0.1", "10.0.0.2", 11, 0) == "1:YHxtAirCG//0OzkcVAukqKQN9xM=");
  CHECK(id_of(58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0) ==
        "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=");
  CHECK(id_of(1, "10.0.0.2", "10.0.0.1", 11, 0) != id_of(1, "10.0.0.1", "10.0.0.2", 11, 0));
  // A code must not be taken for a type: (1, 4) is destination unreachable, port unreachable.
  CHECK(id_of(58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4) ==
        "1:hLZd0XGWojozrvxqE0dWB1iM6R0=");
}

TEST_CASE("fragments without ports hash none") {
  FlowKey key;
  key.address_a = IpAddress::from_v4(1);
  key.address_b = IpAddress::from_v4(2);
  key.ip_proto = 17;
  const std::string with_zero_ports = community_id(key, Direction::kAToB);
  key.flags = kKeyFragment;
  CHECK(community_id(key, Direction::kAToB) != with_zero_ports);
}

TEST_CASE("community ids equal the published baselines") {
  const std::uint16_t seed = GENERATE(std::uint16_t{0}, std::uint16_t{1});
  const std::string path = corpus_folder() + "/corelight+community-id-spec/baseline/" +
                           (seed == 0 ? "baseline_deflt.json" : "baseline_seed1.json");
  std::ifstream file(path);
  if (!file) {
    WARN("skipped: no " << path << " (set TAPLINE_CORPUS)");
    return;
  }
  const std::string json((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  int compared = 0;
  for (std::size_t at = json.find('{'); at != std::string::npos; at = json.find('{', at + 1)) {
    const std::string entry = json.substr(at, json.find('}', at) - at);
    CAPTURE(entry);
    CHECK(id_of(number_of(entry, "proto"), text_of(entry, "saddr"), text_of(entry, "daddr"),
                number_of(entry, "sport"), number_of(entry, "dport"), seed) == text_of(entry, "communityid"));
    ++compared;
  }
  CHECK(compared >= 20);
}

}  // namespace tapline

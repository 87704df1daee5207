// Index against full scan: filters are made from random frames of a store; every block that holds a matching
// frame, found by looking at all frames, must be among the blocks that the plan would read. Prints, by kind
// of filter, how many were compared and how many blocks too many the index named; exit code 1 for a single
// false negative.
//   index_scan STORE FILTERS SEED

#include <fmt/core.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>

#include "capture/packet/decode.hpp"
#include "storage/block_frames.hpp"
#include "storage/query/filter.hpp"
#include "storage/query/plan.hpp"

namespace {

using namespace tapline;

struct AskedFilter {
  std::string kind;
  std::string text;
  query::Filter filter;
  std::set<std::pair<std::string, std::uint32_t>> blocks_with_match;  // segment path, block number
};

template <class Visit>
void for_each_frame(const storage::Catalog& catalog, Visit&& visit) {
  for (const storage::CatalogFile& file : catalog.segments) {
    Result<storage::ContainerReader> reader = storage::ContainerReader::open(file.path);
    TAPLINE_CHECK(reader.ok());
    const auto entries = reader->load_entries();
    TAPLINE_CHECK(entries.ok());
    storage::DecodedBlock block;
    std::vector<Frame> frames;
    for (std::uint32_t number = 0; number < entries->size(); ++number) {
      TAPLINE_CHECK(reader->read_block((*entries)[number], number, block).ok());
      TAPLINE_CHECK(storage::parse_frames(block, reader->header(), frames).ok());
      for (const Frame& frame : frames) {
        PacketMeta meta;
        decode(frame, meta);
        visit(file.path, number, frame, meta);
      }
    }
  }
}

/// One filter of a random kind that the frame matches, in the words of a user; empty where there are no words
/// for it.
std::pair<std::string, std::string> filter_for(const Frame& frame, const PacketMeta& meta,
                                               std::mt19937_64& random) {
  if (meta.vlan_count > 0 && random() % 4 == 0) {
    return {"vlan",
            fmt::format("vlan {}", meta.vlan_tci[random() % std::min<unsigned>(meta.vlan_count, 2)] & 0xfff)};
  }
  if (meta.mpls_count > 0 && random() % 4 == 0) return {"mpls", fmt::format("mpls {}", meta.mpls_label)};
  IpAddress source;
  IpAddress target;
  if (meta.status == DecodeStatus::kArp && storage::arp_addresses(frame, meta, source, target)) {
    return {"arp host", fmt::format("arp and host {}", format_address(random() % 2 == 0 ? source : target))};
  }
  if (meta.status != DecodeStatus::kIp) {
    constexpr std::uint16_t kEthertypeMin = 0x0600;  // below are lengths and LLC: no filter word
    if (meta.ethertype < kEthertypeMin) return {};
    return {"ethertype", fmt::format("ether proto {}", meta.ethertype)};
  }
  load_addresses(frame, meta, source, target);
  const IpAddress& end = random() % 2 == 0 ? source : target;
  const unsigned bits = end.is_v4_mapped() ? 32 : 128;
  const bool ports =
      meta.has(kMetaPorts) && (meta.ip_proto == 6 || meta.ip_proto == 17 || meta.ip_proto == 132);
  switch (random() % (ports ? 6 : 3)) {
    case 0:
      return {"host", fmt::format("host {}", format_address(end))};
    case 1: {
      IpAddress network = end;
      const unsigned prefix = bits - static_cast<unsigned>(random() % (bits / 2));
      for (unsigned bit = prefix + (bits == 32 ? 96 : 0); bit < 128; ++bit) {
        network.bytes[bit / 8] = static_cast<std::uint8_t>(network.bytes[bit / 8] & ~(0x80 >> bit % 8));
      }
      return {"net", fmt::format("net {}/{}", format_address(network), prefix)};
    }
    case 2:
      return {"proto", fmt::format("proto {}", meta.ip_proto)};
    case 3:
      return {"port", fmt::format("port {}", random() % 2 == 0 ? meta.src_port : meta.dst_port)};
    case 4:
      return {"proto and port", fmt::format("proto {} and src port {}", meta.ip_proto, meta.src_port)};
    default:
      break;
  }
  const bool v6 = meta.has(kMetaIpv6);
  const auto endpoint = [&](const IpAddress& address, std::uint16_t port) {
    return v6 ? fmt::format("[{}]:{}", format_address(address), port)
              : fmt::format("{}:{}", format_address(address), port);
  };
  return {"five-tuple", fmt::format("{}-{}/{}", endpoint(source, meta.src_port),
                                    endpoint(target, meta.dst_port), unsigned{meta.ip_proto})};
}

/// `count` filters, made from frames chosen evenly over the store.
std::vector<AskedFilter> make_filters(const storage::Catalog& catalog, std::size_t count,
                                      std::mt19937_64& random) {
  std::uint64_t frames = 0;
  for_each_frame(catalog, [&](const auto&, auto, const Frame&, const PacketMeta&) { ++frames; });
  std::vector<AskedFilter> filters;
  std::set<std::string> known;
  const std::uint64_t every = std::max<std::uint64_t>(1, frames / (2 * count));
  for_each_frame(catalog, [&](const auto&, auto, const Frame& frame, const PacketMeta& meta) {
    if (filters.size() >= count || random() % every != 0) return;
    const auto [kind, text] = filter_for(frame, meta, random);
    if (text.empty() || !known.insert(text).second) return;
    const Result<query::Filter> filter = query::Filter::parse(text, {});
    if (!filter) {
      fmt::print(stderr, "{}\n", filter.error().context);
      std::exit(1);
    }
    if (!filter->matches_packet(frame, meta, nullptr)) {
      fmt::print(stderr, "'{}' does not match the frame that it was made from\n", text);
      std::exit(1);
    }
    filters.push_back({kind, text, *filter, {}});
  });
  return filters;
}

/// Blocks that hold a match but would not be read; counts those that would be read for nothing.
std::uint64_t missing_blocks(const storage::Catalog& catalog, const AskedFilter& asked,
                             std::uint64_t& superfluous) {
  const Result<query::Plan> plan = query::make_plan(catalog, asked.filter.index_query(), {});
  TAPLINE_CHECK(plan.ok() && plan->warnings.empty() && plan->unreadable.empty());
  std::set<std::pair<std::string, std::uint32_t>> planned;
  for (const query::PlannedSegment& segment : plan->segments) {
    for (const query::PlannedBlock& block : segment.blocks) planned.emplace(segment.file.path, block.number);
  }
  std::uint64_t missing = 0;
  for (const auto& block : asked.blocks_with_match) missing += planned.erase(block) == 0 ? 1 : 0;
  superfluous = planned.size();
  if (missing > 0) fmt::print("FALSE NEGATIVE: '{}' misses {} blocks\n", asked.text, missing);
  return missing;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: index_scan STORE FILTERS SEED\n");
    return 2;
  }
  const Result<storage::Store> store = storage::Store::open(argv[1]);
  TAPLINE_CHECK(store.ok());
  const Result<storage::Catalog> catalog = storage::Catalog::scan(*store);
  TAPLINE_CHECK(catalog.ok());
  std::mt19937_64 random(std::strtoull(argv[3], nullptr, 10));
  std::vector<AskedFilter> filters = make_filters(*catalog, std::strtoull(argv[2], nullptr, 10), random);
  for_each_frame(*catalog, [&](const std::string& path, std::uint32_t number, const Frame& frame,
                               const PacketMeta& meta) {
    for (AskedFilter& asked : filters) {
      if (asked.filter.matches_packet(frame, meta, nullptr)) asked.blocks_with_match.emplace(path, number);
    }
  });
  struct Sums {
    std::uint64_t filters, blocks, superfluous, missing;
  };
  std::map<std::string, Sums> by_kind;
  std::uint64_t missing = 0;
  for (const AskedFilter& asked : filters) {
    Sums& sums = by_kind[asked.kind];
    std::uint64_t superfluous = 0;
    sums.missing += missing_blocks(*catalog, asked, superfluous);
    sums.filters += 1;
    sums.blocks += asked.blocks_with_match.size();
    sums.superfluous += superfluous;
    missing += sums.missing;
  }
  for (const auto& [kind, sums] : by_kind) {
    fmt::print("{:<15} {:>5} filters, {:>8} blocks with a match, {} named for nothing, {} missed\n", kind,
               sums.filters, sums.blocks, sums.superfluous, sums.missing);
  }
  fmt::print("{} filters compared (seed {}): {} false negatives\n", filters.size(), argv[3], missing);
  return missing == 0 && !filters.empty() ? 0 : 1;
}

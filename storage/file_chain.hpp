#pragma once
// FileChain: each file names the one that its writer published before, with its root. A file that went
// missing in the middle, or was exchanged for another one, shows as a break.

#include <array>
#include <span>
#include <string>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/container_reader.hpp"

namespace tapline::storage {

/// What one file says about itself and the file before it.
struct ChainLink {
  std::string path;
  SegmentHeader header{};
  std::array<std::uint8_t, 32> root{};  // of finished files
  bool finished = false;
};
ChainLink read_link(const ContainerReader& reader);

/// One line for each of `links` whose chain is broken, in their order: the file before it is neither in the
/// store nor known to have expired or to have been set aside, or it is there with another root or of another
/// writer. Older files than the oldest of a port, worker and kind are not missed. `catalog` was scanned
/// before the links were read. Reads less than 1 KiB of each file that is named.
std::vector<std::string> find_chain_breaks(const Catalog& catalog, std::span<const ChainLink> links);

}  // namespace tapline::storage

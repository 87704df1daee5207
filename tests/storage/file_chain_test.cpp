// Each file names the one before it: what is missing or exchanged in the middle shows, what has expired does
// not.

#include "storage/file_chain.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "storage/expired_intervals.hpp"
#include "storage/recovery.hpp"
#include "storage/ring.hpp"
#include "storage/verification.hpp"
#include "tests/storage/stored_frames.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

/// A store with some segments of one writer, oldest first.
struct ChainStore {
  TemporaryFolder folder;
  Store store = *Store::open_or_create(folder / "store", "s");

  explicit ChainStore(std::uint64_t seed = 1) { write(seed); }

  void write(std::uint64_t seed) const {
    FrameSegmentConfig config;
    config.segment_bytes_max = 64 * 1024;
    config.block_bytes = 8 * 1024;
    Traffic traffic(seed);
    std::vector<TestFrame> frames = traffic.take(3000);
    for (std::size_t i = 0; i < frames.size(); ++i) frames[i].time_ns = 1000 * static_cast<TimeNs>(i);
    number_frames(frames);
    write_segments(store.packets_directory(), frames, config);
  }
  std::vector<std::string> segments() const { return list_files(store.packets_directory(), kPacketSuffix); }

  /// Breaks by the links of all files, and that verification finds no other damage.
  std::vector<std::string> breaks() const {
    const Catalog catalog = *Catalog::scan(store);
    std::vector<ChainLink> links;
    for (const CatalogFile& file : catalog.segments) {
      const Result<VerifiedFile> verified = verify_file(file, {.deep = true});
      REQUIRE(verified.ok());
      REQUIRE(verified->link.has_value());
      links.push_back(*verified->link);
    }
    return find_chain_breaks(catalog, links);
  }
};

std::string id_in(const std::string& path) {
  const std::string stem = path.substr(0, path.size() - kPacketSuffix.size());
  return stem.substr(stem.rfind('_') + 1);
}

/// The segment that names the one at `path`: lanes overlap, so that names are not sorted as they were
/// written.
std::string next_of(const std::vector<std::string>& segments, const std::string& path) {
  const ChainLink wanted = read_link(*ContainerReader::open(path));
  for (const std::string& segment : segments) {
    const ChainLink link = read_link(*ContainerReader::open(segment));
    if (std::ranges::equal(link.header.previous_segment_id, wanted.header.segment_id)) return segment;
  }
  FAIL("nothing follows " << path);
  return {};
}

void rename_as(const std::string& path, std::string_view suffix) {
  fs::rename(path, path.substr(0, path.size() - kPacketSuffix.size()) + std::string(suffix));
}

}  // namespace

TEST_CASE("a store as it was written has no break") {
  const ChainStore chain;
  REQUIRE(chain.segments().size() > 4);
  CHECK(chain.breaks().empty());
}

TEST_CASE("a segment that is missing in the middle is named by the one behind it") {
  const ChainStore chain;
  const std::vector<std::string> segments = chain.segments();
  const std::string next = next_of(segments, segments[2]);
  fs::remove(segments[2]);
  const std::vector<std::string> breaks = chain.breaks();
  REQUIRE(breaks.size() == 1);
  CHECK(breaks[0].find(next) != std::string::npos);
  CHECK(breaks[0].find(id_in(segments[2]) + ", which is not in the store") != std::string::npos);
}

TEST_CASE("what has expired, was set aside or lies before the oldest is not missed") {
  const ChainStore chain;
  const std::vector<std::string> segments = chain.segments();
  rename_as(segments[2], kExpiredSuffix);
  CHECK(chain.breaks().empty());
  rename_as(segments[3], kDamagedSuffix);
  CHECK(chain.breaks().empty());
  fs::remove(segments[0]);
  CHECK(chain.breaks().empty());
}

TEST_CASE("what was dropped long ago, and folded, is not missed either") {
  const ChainStore chain;
  const std::vector<std::string> segments = chain.segments();
  const FinalName gone = Catalog::scan(chain.store)->segments[2].name;
  fs::remove(segments[2]);
  REQUIRE(chain.breaks().size() == 1);
  REQUIRE(
      fold_expired_intervals(real_disk(), chain.store.packets_directory(), {{gone.first_ns, gone.last_ns}})
          .ok());
  CHECK(chain.breaks().empty());
}

TEST_CASE("a segment in the place of another one is a break") {
  const ChainStore chain;
  const std::vector<std::string> segments = chain.segments();
  const ChainStore other(2);
  // Good in itself, under the name of the one that is named.
  fs::copy_file(other.segments()[0], segments[1], fs::copy_options::overwrite_existing);
  fs::remove(index_path_of(segments[1]));
  const std::vector<std::string> breaks = chain.breaks();
  REQUIRE(breaks.size() == 1);
  CHECK(breaks[0].find("has another id") != std::string::npos);
}

TEST_CASE("another root in the file before it is a break") {
  const ChainStore chain;
  const Catalog catalog = *Catalog::scan(chain.store);
  std::vector<ChainLink> links;
  for (const CatalogFile& file : catalog.segments)
    links.push_back(read_link(*ContainerReader::open(file.path)));
  links[1].root[0] ^= 1;
  const std::vector<std::string> breaks = find_chain_breaks(catalog, links);
  REQUIRE(breaks.size() == 1);
  CHECK(breaks[0].find("has another root") != std::string::npos);
  // Looked up on the disk where it is not among the links.
  CHECK(find_chain_breaks(catalog, std::span(links).subspan(2, 1)).empty());
  links[2].header.previous_root[5] ^= 1;
  CHECK(find_chain_breaks(catalog, std::span(links).subspan(2, 1)).size() == 1);
}

TEST_CASE("verification stops when it is told to") {
  const ChainStore chain;
  const Catalog catalog = *Catalog::scan(chain.store);
  std::uint64_t bytes = 0;
  VerifyOptions options;
  options.on_read = [&](std::uint64_t read) {
    bytes += read;
    return false;
  };
  const Result<VerifiedFile> verified = verify_file(catalog.segments[0], options);
  REQUIRE(verified.ok());
  CHECK(verified->stopped);
  CHECK(bytes > 0);
  CHECK(bytes < catalog.segments[0].file_bytes / 2);
}

// Deep verification finds blocks whose frames are in another order than the segment says.

#include "storage/verification.hpp"
#include "tests/storage/hand_made_segment.hpp"
#include "tests/temporary_folder.hpp"

using namespace tapline;
using namespace tapline::storage;

TEST_CASE("deep verification finds every lie about the order of frames, and names the block") {
  const std::vector<OrderLie> lies = make_order_lies(1'700'000'000 * kNsPerSecond, 1000);
  const OrderLie& lie = lies[GENERATE_COPY(range(std::size_t{0}, lies.size()))];
  INFO(lie.name);
  const TemporaryFolder folder;
  CatalogFile file;
  file.path = write_hand_made(folder.path(), 1, lie.blocks);
  CHECK(verify_file(file, {}).ok());  // every checksum is right
  const Result<VerifiedFile> verified = verify_file(file, {.deep = true});
  REQUIRE(verified.ok() == (lie.lying == 0));
  if (lie.lying == 0) return;
  CHECK(verified.error().code == ErrorCode::kCorrupt);
  CHECK_THAT(verified.error().context,
             Catch::StartsWith(file.path) && Catch::Contains("block 4: ") && Catch::Contains("order"));
}

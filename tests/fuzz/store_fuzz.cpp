// A whole store from the input, containers and indexes behind their checksums: read as readers do, then
// recovered, its holds put into force and its ring emptied as a writer does, and read once more. Recovery
// leaves nothing astray.
//
// Input: store_entries.hpp.

#include <algorithm>
#include <filesystem>

#include "capture/base/check.hpp"
#include "storage/hold_folder.hpp"
#include "storage/query/extraction.hpp"
#include "storage/query/hold_keeper.hpp"
#include "storage/query/packet_expiry.hpp"
#include "storage/query/session_history.hpp"
#include "storage/recovery.hpp"
#include "storage/ring.hpp"
#include "storage/scrub_state.hpp"
#include "storage/verification.hpp"
#include "tests/fuzz/fuzz_folder.hpp"
#include "tests/fuzz/right_checksums.hpp"
#include "tests/fuzz/store_entries.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kEntriesMax = 24;
constexpr std::size_t kNameBytesMax = 200;

void write_file(const std::string& path, const ByteBuffer& bytes) {
  Result<File> file = File::create(path);
  if (file) static_cast<void>(file->write_all(bytes).ok());
}

void add_entry(const std::string& folder, std::uint8_t what, ByteBuffer bytes) {
  const auto entry = static_cast<StoreEntry>(what & 15);
  const auto number = static_cast<std::uint8_t>(what >> 4);
  if (entry == StoreEntry::kOther && number > 1) {
    std::string name(bytes.begin(),
                     bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), kNameBytesMax)));
    std::ranges::replace_if(
        name, [](char letter) { return letter == '/' || letter == '\0'; }, '_');
    write_file(folder + "/packets/" + name, {});
    return;
  }
  if (entry == StoreEntry::kSegmentIndex || entry == StoreEntry::kIndexStep) {
    if (bytes.size() >= sizeof(IndexHeader)) static_cast<void>(fix_index_checksums(bytes));
  } else if (entry <= StoreEntry::kOpenLedger) {
    fix_container_checksums(bytes);
  }
  write_file(folder + "/" + entry_path(entry, number), bytes);
}

void fill(const std::string& folder, Bytes input) {
  for (std::size_t i = 0; i < kEntriesMax && input.size() >= 3; ++i) {
    const std::uint8_t what = input[0];
    const auto bytes = std::min<std::size_t>(load_le<std::uint16_t>(input.data() + 1), input.size() - 3);
    const Bytes content = input.subspan(3, bytes);
    input = input.subspan(3 + bytes);
    add_entry(folder, what, {content.begin(), content.end()});
  }
}

void verify(const Catalog& catalog) {
  std::vector<ChainLink> links;
  for (const auto* files : {&catalog.segments, &catalog.sessions, &catalog.ledgers}) {
    for (const CatalogFile& file : *files) {
      Result<VerifiedFile> verified = verify_file(file, {.deep = true});
      if (verified && verified->link) links.push_back(std::move(*verified->link));
    }
  }
  static_cast<void>(find_chain_breaks(catalog, links));
}

/// Frames of all segments, however they lie, come in one order.
void ask_packets(const Store& store) {
  constexpr int kFramesRead = 500;  // more of them would only cost the fuzzer its time
  static const query::PacketQuestion kEverything{*query::Filter::parse("", {}), {}, {}};
  Result<query::Extraction> extraction = query::Extraction::prepare(store, kEverything);
  if (!extraction) return;
  OrderKey last{INT64_MIN, 0};
  const Frame* frame = extraction->next();
  for (int frames = 0; frame != nullptr && frames < kFramesRead; ++frames, frame = extraction->next()) {
    TAPLINE_CHECK(last <= frame->order);
    last = frame->order;
  }
}

void read_store(const Store& store) {
  static_cast<void>(query::read_coverage(store, {}, query::QuestionKind::kPackets).ok());
  static_cast<void>(query::read_coverage(store, {}, query::QuestionKind::kSessions).ok());
  static_cast<void>(load_scrub_state(store).ok());
  static_cast<void>(list_requests(store).ok());
  ask_packets(store);
  const Result<Catalog> catalog = Catalog::scan(store);
  if (!catalog) return;
  verify(*catalog);
  static const query::Filter kEverything = *query::Filter::parse("", {});
  const auto sessions = query::find_sessions(*catalog, {kEverything, {}, 1000});
  if (!sessions) return;
  std::vector<Error> unreadable;
  static_cast<void>(query::find_history(*catalog, sessions->sessions, unreadable));
  const query::PacketExpiry expiry(*catalog);
  for (const SessionRecord& session : sessions->sessions) static_cast<void>(expiry.of(session));
}

/// As a recorder begins, and then wants all the room there is.
void write_store(const Store& store) {
  if (const auto recovered = recover_store(store)) {
    const Result<Catalog> catalog = Catalog::scan(store);
    TAPLINE_CHECK(!catalog || catalog->strays.empty());
  }
  HeldSegments held;
  const auto keeper = query::HoldKeeper::open(store, held, {});
  if (!keeper) return;
  Ring ring(store, std::uint64_t{1}, &held);
  static_cast<void>(ring.reserve(SegmentId{}, 2).ok());
  (*keeper)->step();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const FuzzFolder folder;
  const std::string path = folder.path() + "/store";
  if (!Store::open_or_create(path, "fuzz")) return 0;
  fill(path, {data, size});
  const Result<Store> store = Store::open_or_create(path, "fuzz");
  if (!store) return 0;
  read_store(*store);
  write_store(*store);
  read_store(*store);
  return 0;
}

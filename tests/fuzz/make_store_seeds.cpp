// Makes the seeds of question_fuzz and store_fuzz: make_store_seeds CORPUS_FOLDER. Small stores, written by
// the same code that writes stores.

#include <cstdio>
#include <filesystem>

#include "storage/ledger_book.hpp"
#include "storage/ledger_file.hpp"
#include "storage/session_file_writer.hpp"
#include "tests/fuzz/fuzz_folder.hpp"
#include "tests/fuzz/store_entries.hpp"
#include "tests/storage/session_samples.hpp"
#include "tests/storage/traffic.hpp"

using namespace tapline;
using namespace tapline::storage;
namespace fs = std::filesystem;

namespace {

ByteBuffer content_of(const fs::path& path) {
  const Result<std::vector<std::uint8_t>> bytes = read_file(path.string());
  return bytes ? ByteBuffer(bytes->begin(), bytes->end()) : ByteBuffer();
}

/// The only file in `folder` whose name ends with `suffix`.
ByteBuffer only_file(const std::string& folder, std::string_view suffix) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().string().ends_with(suffix)) return content_of(entry.path());
  }
  return {};
}

Status write_seed(const std::string& corpus, const std::string& target, const std::string& name,
                  Bytes bytes) {
  fs::create_directories(corpus + "/" + target);
  Result<File> file = File::create(corpus + "/" + target + "/" + name);
  return file ? file->write_all(bytes) : Status(file.error());
}

struct SegmentFiles {
  ByteBuffer open;
  ByteBuffer finished;
  ByteBuffer index;
};

Result<SegmentFiles> make_segment(std::uint64_t seed, std::size_t frames) {
  const FuzzFolder folder;
  FrameSegmentConfig config;
  config.directory = config.index_directory = folder.path();
  config.block_bytes = 2048;
  config.lane_bits_max = 1;
  FrameSegmentWriter writer(config);
  TestPipeline pipeline(writer);
  Traffic traffic(seed);
  TAPLINE_TRY(pipeline.append_all(traffic.take(frames)));
  writer.lanes().seal_all();
  SegmentFiles files;
  files.open = only_file(folder.path(), kOpenSuffix);
  TAPLINE_TRY(writer.finish());
  files.finished = only_file(folder.path(), kPacketSuffix);
  files.index = only_file(folder.path(), kIndexSuffix);
  return files;
}

Status write_question(const std::string& corpus, const std::string& name, std::uint16_t question_and_flags,
                      const ByteBuffer& segment, const ByteBuffer& index) {
  ByteBuffer seed;
  put(seed, question_and_flags);
  put(seed, static_cast<std::uint16_t>(segment.size()));
  put_bytes(seed, segment);
  put_bytes(seed, index);
  return write_seed(corpus, "question", name, seed);
}

/// Files of store_fuzz, as they come.
class StoreSeed {
 public:
  void add(StoreEntry entry, std::uint8_t number, Bytes content) {
    put(bytes_, static_cast<std::uint8_t>(static_cast<std::uint8_t>(entry) | number << 4));
    put(bytes_, static_cast<std::uint16_t>(content.size()));
    put_bytes(bytes_, content);
  }
  void add(StoreEntry entry, std::uint8_t number, std::string_view text) {
    add(entry, number, Bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
  }
  Status write(const std::string& corpus, const std::string& name) const {
    return write_seed(corpus, "store", name, bytes_);
  }

 private:
  ByteBuffer bytes_;
};

RowGroupFileConfig row_groups(const std::string& folder) {
  RowGroupFileConfig config;
  config.directory = folder;
  return config;
}

Status add_records(StoreSeed& seed) {
  const FuzzFolder folder;
  SessionFileWriter sessions({row_groups(folder.path())});
  SessionSamples samples(5);
  for (int i = 0; i < 20; ++i) TAPLINE_TRY(sessions.append(samples.plausible()));
  TAPLINE_TRY(sessions.flush());
  seed.add(StoreEntry::kOpenSessions, 3, only_file(folder.path(), kOpenSuffix));
  TAPLINE_TRY(sessions.finish());
  seed.add(StoreEntry::kSessions, 1, only_file(folder.path(), kSessionSuffix));
  LedgerFileWriter ledger(row_groups(folder.path()));
  LedgerBook book(0, 0);
  book.at(0).add_decoded(1);
  book.at(7 * kNsPerSecond).add_decoded(2);
  book.close_second();
  for (const LedgerRow& row : book.rows()) TAPLINE_TRY(ledger.append(row));
  TAPLINE_TRY(ledger.flush());
  seed.add(StoreEntry::kOpenLedger, 3, only_file(folder.path(), kOpenSuffix));
  TAPLINE_TRY(ledger.finish());
  seed.add(StoreEntry::kLedger, 1, only_file(folder.path(), kLedgerSuffix));
  return {};
}

Status write_texts(const std::string& corpus) {
  StoreSeed seed;
  seed.add(StoreEntry::kVolume, 1, "path = /nowhere\nadded_at_ns = 1\nout_since_ns = 0\nout_reason = \n");
  const std::string request =
      "filter = host 10.0.0.1\nreason = r\nowner = o\nsince_ns = 1\nuntil_ns = 9223372036854775807\n"
      "requested_at_ns = 1\nexpires_at_ns = 9223372036854775807\n";
  seed.add(StoreEntry::kRequest, 1, request);
  seed.add(StoreEntry::kRelease, 2, "owner = o\nreason = r\n");
  seed.add(StoreEntry::kHold, 2,
           request +
               "state = held\nuser_id = 0\nanswered_at_ns = 2\nended_at_ns = 0\nwhy = \nsegments = 1\n"
               "bytes = 1\nsegments_over_quota = 0\nholes = 0\n");
  seed.add(StoreEntry::kHeldSegments, 2, "0101010101010101\n");
  seed.add(StoreEntry::kSource, 1,
           "path = eth0\nkind = live\nstate = started\nport = 0\nworkers = 1\nstarted_at_ns = 1\n"
           "finished_at_ns = 2\nframes = 3\ncaptured_bytes = 4\nwire_bytes = 5\nfirst_ns = 1\nlast_ns = 2\n"
           "packets = yes\n");
  seed.add(StoreEntry::kIntervals, 0, format_compact(0) + "_" + format_compact(kNsPerSecond) + "\n");
  seed.add(StoreEntry::kOther, 0,
           "position = a\npass_begun_at_ns = 1\npass_files = 1\npass_bytes = 2\nlast_pass_begun_at_ns = 1\n"
           "last_pass_ended_at_ns = 2\nlast_pass_files = 3\nlast_pass_bytes = 4\ndamages = 1\n"
           "damages_unnamed = 0\ndamaged_0 = b\ndamage_0 = c\ndamage_in_0 = index\n");
  seed.add(StoreEntry::kOther, 1, "format = 1\nsensor = fuzz\n");
  seed.add(StoreEntry::kOther, 2, final_name({0, kNsPerSecond, 0, 0, 5}, kExpiredSuffix));
  seed.add(StoreEntry::kOther, 3, final_name({0, kNsPerSecond, 0, 0, 6}, kDamagedSuffix));
  seed.add(StoreEntry::kOther, 4, "probe.tmp");
  return seed.write(corpus, "texts");
}

Status write_seeds(const std::string& corpus) {
  for (const std::size_t frames : {std::size_t{1}, std::size_t{12}, std::size_t{40}}) {
    const Result<SegmentFiles> files = make_segment(frames, frames);
    if (!files) return files.error();
    const std::string name = std::to_string(frames);
    TAPLINE_TRY(write_question(corpus, name + "_all", 0x0200, files->finished, files->index));
    TAPLINE_TRY(write_question(corpus, name + "_host", 0x0201, files->finished, files->index));
    TAPLINE_TRY(write_question(corpus, name + "_window", 0x0082, files->finished, files->index));
    TAPLINE_TRY(write_question(corpus, name + "_open", 0x0101, files->open, {}));
    TAPLINE_TRY(write_question(corpus, name + "_step", 0x0301, files->open, files->index));
    StoreSeed seed;
    seed.add(StoreEntry::kSegment, 1, files->finished);
    seed.add(StoreEntry::kSegmentIndex, 1, files->index);
    seed.add(StoreEntry::kOpenSegment, 2, files->open);
    seed.add(StoreEntry::kSegment, 3, files->finished);
    if (frames == 12) TAPLINE_TRY(add_records(seed));
    TAPLINE_TRY(seed.write(corpus, "segments_" + name));
  }
  return write_texts(corpus);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Status written = write_seeds(argv[1]);
  if (written) return 0;
  std::fprintf(stderr, "%s\n", written.error().context.c_str());
  return 1;
}

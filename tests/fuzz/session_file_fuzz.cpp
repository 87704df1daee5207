// Any bytes as a row group of session records, behind the container's checksums. What can be read is written
// again and read back, and must be the same. Input: a row group of sessions, as in a session file's block.

#include <cstdlib>
#include <vector>

#include "storage/session_row_buffer.hpp"
#include "storage/session_row_reader.hpp"
#include "tests/storage/session_samples.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kRowsRead = 1024;  // more of them would only cost the fuzzer its time

std::vector<SessionRecord> read(Bytes group, std::uint8_t fields) {
  SessionRowReader reader;
  std::vector<SessionRecord> records;
  if (!reader.open(group, fields)) return records;
  if (reader.rows() > kRowGroupRowsMax) std::abort();
  if (reader.rows() > kRowsRead) return records;
  while (true) {
    const auto batch = reader.next();
    if (!batch || batch->empty()) return records;
    records.insert(records.end(), batch->begin(), batch->end());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes group(data, size);
  for (const unsigned fields :
       {kFieldsIdentity, kFieldsTimes, kFieldsKey, kFieldsCounters, kFieldsPrevious}) {
    static_cast<void>(read(group, static_cast<std::uint8_t>(fields)));
  }
  const std::vector<SessionRecord> records = read(group, kFieldsAll);
  if (records.empty()) return 0;
  SessionRowBuffer buffer(static_cast<std::uint32_t>(records.size()));
  for (const SessionRecord& record : records) buffer.append(record);
  const std::vector<SessionRecord> again = read(buffer.take_group(0), kFieldsAll);
  if (again.size() != records.size()) std::abort();
  for (std::size_t i = 0; i < again.size(); ++i) {
    if (!same_record(records[i], again[i])) std::abort();
  }
  return 0;
}

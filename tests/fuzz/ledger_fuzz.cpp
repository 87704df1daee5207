// Any bytes as a row group of the ledger, behind the container's checksums. What can be read is summed up,
// checked, written again and read back, and must be the same. Input: a row group of the ledger.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "storage/ledger_file.hpp"

using namespace tapline;
using namespace tapline::storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto view = RowGroupView::parse({data, size});
  if (view && view->rows() > 1024) return 0;  // more of them would only cost the fuzzer its time
  LedgerGroupCodec codec;
  const auto read = codec.decode({data, size});
  if (!read || read->empty()) return 0;
  const std::vector<LedgerRow> rows(read->begin(), read->end());
  LedgerTotals totals;
  for (const LedgerRow& row : rows) totals.add(row);
  static_cast<void>(totals.check().ok());
  LedgerGroupCodec other;
  const auto again = other.decode(codec.encode(rows, 0));
  if (!again || !std::ranges::equal(*again, rows)) std::abort();
  return 0;
}

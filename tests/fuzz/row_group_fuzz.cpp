// Any bytes as a row group, behind the container's checksums: directory and every integer, address and byte
// column, each read to its end. Input: a row group.

#include <algorithm>
#include <array>
#include <cstdlib>

#include "storage/row_group.hpp"

using namespace tapline;
using namespace tapline::storage;

namespace {

constexpr std::uint32_t kRowsRead = 4096;  // more of them would only cost the fuzzer its time

/// How many rows the column gave.
std::uint32_t read_integers(const RowGroupView& view, const ColumnSpec& spec) {
  ColumnCursor cursor;
  if (!view.open(spec, cursor)) return 0;
  std::array<std::uint64_t, 100> values{};
  std::uint32_t read = 0;
  while (read < view.rows()) {
    const std::uint32_t count = std::min<std::uint32_t>(100, view.rows() - read);
    if (!cursor.next(std::span(values).first(count))) return read;
    read += count;
  }
  if (cursor.next(std::span(values).first(1))) std::abort();  // more rows than the group has
  return read;
}

void read_addresses(const RowGroupView& view, const ColumnSpec& spec) {
  AddressCursor cursor;
  if (!view.open_addresses(spec, cursor)) return;
  std::array<IpAddress, 100> addresses;
  for (std::uint32_t read = 0; read < view.rows(); read += 100) {
    if (!cursor.next(std::span(addresses).first(std::min<std::uint32_t>(100, view.rows() - read)))) return;
  }
  if (cursor.next(std::span(addresses).first(1))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto view = RowGroupView::parse({data, size});
  if (!view) return 0;
  if (view->rows() > kRowGroupRowsMax) std::abort();
  if (view->rows() > kRowsRead) return 0;
  // Numbers beyond these are skipped by every reader.
  for (std::uint16_t number = 0; number <= 64; ++number) {
    if (number != 0 && !view->has(number)) continue;  // 0 stands for all that are missing
    ColumnSpec spec{number, "fuzzed", ColumnType::kUnsigned, 64, {}, ""};
    read_integers(*view, spec);
    spec.type = ColumnType::kSigned;
    read_integers(*view, spec);
    static_cast<void>(view->range(spec).ok());
    spec.type = ColumnType::kAddress;
    read_addresses(*view, spec);
    spec.type = ColumnType::kBytes;
    spec.bits = 10;
    const auto bytes = view->fixed_bytes(spec);
    if (bytes && !bytes->empty() && bytes->size() != 10u * view->rows()) std::abort();
  }
  return 0;
}

// Distinct values are sorted, and rows have the rank of theirs, whichever way of sorting the values allow.

#include "storage/column_distinct.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "storage/column.hpp"

namespace tapline::storage {
namespace {

template <class T>
void check_distinct(const std::vector<T>& rows) {
  DistinctValues<T> distinct;
  const std::set<T> expected(rows.begin(), rows.end());
  REQUIRE(distinct.collect(rows, rows.size()));
  REQUIRE(distinct.count() == expected.size());
  distinct.sort();
  REQUIRE(std::ranges::equal(distinct.sorted(), expected));
  for (std::size_t row = 0; row < rows.size(); ++row)
    REQUIRE(distinct.sorted()[distinct.rank(row)] == rows[row]);
  if (expected.size() > 1) CHECK_FALSE(distinct.collect(rows, expected.size() - 1));
}

TEST_CASE("distinct values of any width, few and many") {
  const unsigned bits = GENERATE(1u, 16u, 32u, 47u, 48u, 64u);
  const std::size_t count =
      GENERATE(std::size_t{1}, std::size_t{511}, std::size_t{513}, std::size_t{kRowGroupRowsMax});
  const std::uint64_t base = GENERATE(std::uint64_t{0}, ~std::uint64_t{0} >> 1);
  CAPTURE(bits, count, base);
  std::mt19937_64 random(11);
  std::vector<std::uint64_t> rows(count);
  for (std::uint64_t& row : rows) row = base + (random() >> (64 - bits));
  check_distinct(rows);
}

TEST_CASE("distinct addresses of one network, and of several") {
  const std::uint64_t networks = GENERATE(1u, 2u, 300u);
  const std::size_t count = GENERATE(std::size_t{2}, std::size_t{2000});
  CAPTURE(networks, count);
  std::mt19937_64 random(12);
  std::vector<AddressWords> rows(count);
  for (AddressWords& row : rows)
    row = {random() % networks << 60, std::uint64_t{0xffff} << 32 | random() % 50'000};
  check_distinct(rows);
}

}  // namespace
}  // namespace tapline::storage

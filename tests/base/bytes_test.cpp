#include "capture/base/bytes.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <limits>
#include <vector>

#include "capture/base/byte_reader.hpp"
#include "capture/base/byte_writer.hpp"

using namespace tapline;

TEST_CASE("fields are loaded and stored at any alignment, in either order") {
  const std::array<std::uint8_t, 10> bytes = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 0xff};
  CHECK(load_le<std::uint32_t>(&bytes[1]) == 0x04030201);
  CHECK(load_be16(&bytes[1]) == 0x0102);
  CHECK(load_be32(&bytes[1]) == 0x01020304);
  CHECK(load_be64(&bytes[1]) == 0x0102030405060708);
  std::array<std::uint8_t, 10> out = {};
  store_be16(&out[1], 0x0102);
  store_be32(&out[3], 0x03040506);
  CHECK(load_be64(&out[1]) == 0x0102030405060000);
  store_be64(&out[1], 0x0102030405060708);
  CHECK(std::equal(&out[1], &out[9], &bytes[1]));
}

TEST_CASE("what ByteWriter appends ByteReader reads") {
  const std::vector<std::uint64_t> values = {0,      1,          127,        128,       16'383,
                                             16'384, 1ULL << 62, 1ULL << 63, UINT64_MAX};
  ByteBuffer out;
  for (const std::uint64_t value : values) {
    put_varint(out, value);
    put_svarint(out, static_cast<std::int64_t>(value));
  }
  put(out, std::uint32_t{0x01020304});
  put_bytes(out, std::array<std::uint8_t, 2>{9, 8});
  ByteReader reader(out);
  for (const std::uint64_t value : values) {
    CHECK(reader.varint() == value);
    CHECK(reader.svarint() == static_cast<std::int64_t>(value));
  }
  CHECK(reader.read<std::uint32_t>() == 0x01020304);
  CHECK(reader.take(2).front() == 9);
  CHECK(reader.ok());
  CHECK(reader.remaining() == 0);
}

TEST_CASE("the first read past the end fails a ByteReader for good") {
  const std::array<std::uint8_t, 3> bytes = {1, 2, 3};
  ByteReader reader(bytes);
  CHECK(reader.read<std::uint32_t>() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.read<std::uint8_t>() == 0);
  CHECK(reader.take(1).empty());
  CHECK(reader.varint() == 0);
}

TEST_CASE("a varint ends within 10 bytes and 64 bits") {
  const std::vector<std::vector<std::uint8_t>> hostile = {
      std::vector<std::uint8_t>(11, 0x80),
      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},
      {0x80},
      {},
  };
  for (const auto& bytes : hostile) {
    ByteReader reader(bytes);
    CHECK(reader.varint() == 0);
    CHECK_FALSE(reader.ok());
  }
}

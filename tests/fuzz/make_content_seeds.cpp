// make_content_seeds FOLDER: writes the seeds of dns_message_fuzz and http_head_fuzz, the messages of
// tests/content/dns_samples.cpp and http_samples.cpp and some connections, to FOLDER/dns_message and
// FOLDER/http_head.

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/content/dns_samples.hpp"
#include "tests/content/http_samples.hpp"

namespace {

void write_seed(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.good()) std::fprintf(stderr, "cannot write the seed %s\n", path.c_str());
}

// Pieces of 100,000 bytes and buffers of 16,384; '\x03' would be pieces of 100 and no buffer.
constexpr char kWhole = 4 + 3 * 5 + 3 * 25;
constexpr char kSingleBytes = 0 + 3 * 5 + 3 * 25;

std::string connection(char mode) {
  const std::string chunks = "5;x\r\nhello\r\n0\r\nT: t\r\n\r\n";
  return mode +
         std::string(
             "HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") +
         chunks +
         "\xff"
         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab\xfe\x05yz\xff"
         "CONNECT h:1 HTTP/1.1\r\n\r\n\xff\r\nHTTP/1.1 200 OK\r\n\r\nbytes\xff more\xfe\x10";
}

std::string gaps(char mode) {
  return mode +
         std::string(
             "GET /1 HTTP/1.1\r\nHost: a\xfe\x05GET /2 HTTP/1.1\r\n\r\n\xffHTTP/1.1 204 No\r\n\r\n\xfe\x01"
             "x\xfe\x01HTTP/1.0 200 OK\r\n\r\ntext\xfe\x09text");
}

std::string bad_chunks(char mode) {
  const std::string head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  return mode + head + "1\r\nab\xfe\x01" + head + "xyz\xfe\x01" + head + "fF \r\na\xfe\xff" + head +
         "1x\xfe\x01" + head + "fffffffffffffffff";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_content_seeds FOLDER\n");
    return 2;
  }
  const std::string folder = argv[1];
  for (const auto& sample : tapline::test::dns_samples())
    write_seed(folder + "/dns_message/make_" + sample.name,
               std::string(sample.bytes.begin(), sample.bytes.end()));
  for (const auto& sample : tapline::test::http_samples())
    write_seed(folder + "/http_head/make_" + sample.name, kWhole + sample.bytes);
  write_seed(folder + "/http_head/make_connection", connection(kWhole));
  write_seed(folder + "/http_head/make_connection_bytes", connection(kSingleBytes));
  write_seed(folder + "/http_head/make_bad_chunks", bad_chunks(kWhole));
  write_seed(folder + "/http_head/make_gaps", gaps(kWhole));
  write_seed(folder + "/http_head/make_gaps_bytes", gaps(kSingleBytes));
  return 0;
}

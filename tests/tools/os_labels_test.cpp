#include "tools/os_labels.hpp"

#include <catch2/catch.hpp>

namespace tapline::tools {
namespace {

constexpr std::string_view kFile = R"(
; a comment
classes = win,unix,other

[mtu]
label = Ethernet
sig   = 1500

[tcp:request]
label = s:unix:Sample:1.x
sig   = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0
label = g:unix:Sample:
sig   = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0
label = s:win:Panes:7 or 8
sig   = 4:128:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0
label = s:!:Scanner:SYN scan
sys   = @unix,@win
sig   = *:64-:0:1460:%1024,0:mss::0

[tcp:response]
label = s:unix:Sample:1.x
sig   = *:64:0:*:mss*3,0:mss:df:0

[http:request]
ua_os = Linux
label = s:!:Browser:1
sys   = Linux
sig   = 1:Host,User-Agent:Accept:Browser
)";

OsLabels sample_labels() {
  Result<OsLabels> labels = OsLabels::parse(kFile, "sample");
  if (!labels) FAIL(labels.error().context);
  return *labels;
}

OptionLayout layout(std::initializer_list<OptionLayout::Code> codes) {
  OptionLayout options;
  for (const OptionLayout::Code code : codes) options.append(code);
  return options;
}

// 4:64+0:0:1460:mss*20,7:mss,sok,ts,nop,ws:df,id+:0
SynSignature sample() {
  SynSignature signature;
  signature.flags = kSynDontFragment | kSynIdWithDontFragment;
  signature.mss = 1460;
  signature.window = 29'200;
  signature.ttl = 64;
  signature.window_scale = 7;
  signature.tcp_header_bytes = 40;
  signature.options = layout({OptionLayout::kMss, OptionLayout::kSackPermitted, OptionLayout::kTimestamps,
                              OptionLayout::kNop, OptionLayout::kWindowScale});
  return signature;
}

std::string error_of(std::string_view lines) {
  const Result<OsLabels> labels = OsLabels::parse(lines, "some.fp");
  return labels ? "" : labels.error().context;
}

std::string error_of_signature(const std::string& signature) {
  return error_of("[tcp:request]\nlabel = s:unix:X:\nsig = " + signature + "\n");
}

}  // namespace

TEST_CASE("a specific label goes before a generic one, and that before a fuzzy match") {
  const OsLabels labels = sample_labels();
  SynSignature signature = sample();
  CHECK(labels.of_syn(signature) == "Sample 1.x");
  signature.ttl = 50;
  CHECK(labels.of_syn(signature) == "Sample 1.x");
  signature.window = 29'201;
  CHECK(labels.of_syn(signature) == "Sample");
  signature.window = 29'200;
  signature.flags = kSynEcn;  // both are fuzzy: the first
  CHECK(labels.of_syn(signature) == "Sample 1.x");
  signature.flags |= kSynPush;
  CHECK(labels.of_syn(signature).empty());
  CHECK(labels.of_syn(SynSignature{}).empty());
}

TEST_CASE("a TTL from too far off is fuzzy, a random one only has a maximum") {
  const OsLabels labels = sample_labels();
  SynSignature signature = sample();
  signature.ttl = 200;
  CHECK(labels.of_syn(signature) == "Sample 1.x");  // the first of the fuzzy ones
  SynSignature scan;
  scan.mss = 1460;
  scan.window = 3072;
  scan.tcp_header_bytes = 24;
  scan.options = layout({OptionLayout::kMss});
  scan.ttl = 1;
  CHECK(labels.of_syn(scan) == "Scanner SYN scan");
  scan.flags = kSynNoId;  // a system's would be fuzzy
  CHECK(labels.of_syn(scan).empty());
  scan.flags = 0;
  scan.ttl = 65;
  CHECK(labels.of_syn(scan).empty());
}

TEST_CASE("IPv6 packets cannot have what only IPv4 has") {
  const OsLabels labels = sample_labels();
  SynSignature signature = sample();
  signature.flags = kSynIpv6;
  CHECK(labels.of_syn(signature) == "Sample 1.x");
}

TEST_CASE("answers have labels of their own, and may have taken the window from the question") {
  const OsLabels labels = sample_labels();
  SynSignature answer;
  answer.flags = kSynDontFragment;
  answer.mss = 1000;
  answer.window = 1500;
  answer.ttl = 64;
  answer.tcp_header_bytes = 24;
  answer.options = layout({OptionLayout::kMss});
  SynSignature syn = sample();
  syn.mss = 500;
  CHECK(labels.of_syn(answer).empty());
  CHECK(labels.of_syn_ack(answer, nullptr).empty());  // 1500 is Ethernet's MTU
  answer.window = 1536;
  syn.mss = 512;
  CHECK(labels.of_syn_ack(answer, &syn) == "Sample 1.x");
}

TEST_CASE("an error names file and line") {
  CHECK(error_of("; fine\n\n[tcp:request]\nsig = *:64:0:*:*,*:::0\n") ==
        "some.fp:4: a signature before the first label");
  CHECK(error_of("[tcp:request\n") == "some.fp:1: section '[tcp:request' does not end");
  CHECK(error_of("\nsomething\n") == "some.fp:2: 'something' is neither a section nor NAME = VALUE");
  CHECK(error_of("[tcp:request]\nlabel = x:unix:A:1\n") ==
        "some.fp:2: label 'x:unix:A:1' is not TYPE:CLASS:NAME:FLAVOR");
  CHECK(error_of("[tcp:response]\ncolour = red\n") == "some.fp:2: 'colour' is not known here");
  CHECK(error_of("[tcp:request]\nlabel = s:unix:A:\n[tcp:response]\nsig = *:64:0:*:*,*:::0\n") ==
        "some.fp:4: a signature before the first label");
}

TEST_CASE("an error in a signature names the field") {
  CHECK(error_of_signature("*:64:0:*:*,*:::0").empty());
  CHECK(error_of_signature("*:54+10:0:*:mtu*2,0:?34,eol+1:bad:*").empty());
  CHECK(error_of_signature("*:64:0:*:*,*::0") == "some.fp:3: not eight fields: '*:64:0:*:*,*::0'");
  CHECK(error_of_signature("5:64:0:*:*,*:::0") == "some.fp:3: version '5'");
  CHECK(error_of_signature("*:0:0:*:*,*:::0") == "some.fp:3: TTL '0'");
  CHECK(error_of_signature("*:200+99:0:*:*,*:::0") == "some.fp:3: TTL '200+99'");
  CHECK(error_of_signature("*:64+?:0:*:*,*:::0") == "some.fp:3: TTL '64+?'");
  CHECK(error_of_signature("*:64::*:*,*:::0") == "some.fp:3: length of IP options ''");
  CHECK(error_of_signature("*:64:0:65536:*,*:::0") == "some.fp:3: MSS '65536'");
  CHECK(error_of_signature("*:64:0:*:mss*0,*:::0") == "some.fp:3: window 'mss*0'");
  CHECK(error_of_signature("*:64:0:*:*:::0") == "some.fp:3: window and scale '*'");
  CHECK(error_of_signature("*:64:0:*:8192,x:::0") == "some.fp:3: window and scale '8192,x'");
  CHECK(error_of_signature("*:64:0:*:*,*:mss,oops::0") == "some.fp:3: option 'oops'");
  CHECK(error_of_signature("*:64:0:*:*,*:?256::0") == "some.fp:3: option '?256'");
  CHECK(error_of_signature("*:64:0:*:*,*::df,odd:0") == "some.fp:3: quirk 'odd'");
  CHECK(error_of_signature("*:64:0:*:*,*:::1") == "some.fp:3: payload class '1'");
}

TEST_CASE("a file that is not there is told from one that cannot be used") {
  CHECK(OsLabels::load("/nonexistent/p0f.fp").error().code == ErrorCode::kNotFound);
  CHECK(OsLabels::load("/").error().code != ErrorCode::kNotFound);
}

}  // namespace tapline::tools

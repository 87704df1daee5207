#include "capture/af_packet/fanout_program.hpp"

#include <array>
#include <initializer_list>

#include "capture/base/check.hpp"
#include "capture/packet/protocol_numbers.hpp"

namespace tapline {

namespace {

constexpr unsigned kVlanTagsMax = 3;
constexpr unsigned kMplsLabelsMax = 4;

enum Label : std::uint8_t {
  kPppoe,
  kIpv4,
  kIpv6,
  kVersion,
  kMix,
  kOther,
  kTag,
  kLabels,
  kTagsEnd,
  kInner,
  kBackbone,
  kVnTag,
  kFabricPath,
  kMetaData,
  kInnerEnd,
  kService,
  kServiceIp
};

/// Instructions with forward jumps to labels. Kernel registers: A accumulates, X is the offset of the header
/// that is looked at. Loads name their offset from X. A load beyond the frame ends the program with 0.
class Assembler {
 public:
  explicit Assembler(std::uint32_t origin) : origin_(origin) {}

  void emit(unsigned code, std::uint32_t k = 0) {
    program_.push_back({static_cast<std::uint16_t>(code), 0, 0, k});
  }
  /// A = `size` (BPF_B, BPF_H, BPF_W) bytes at X + `offset`, host order.
  void load(unsigned size, int offset) {
    emit(BPF_LD | size | BPF_IND, origin_ + static_cast<std::uint32_t>(offset));
  }
  void advance(std::uint32_t bytes) {  // changes A
    emit(BPF_MISC | BPF_TXA);
    emit(BPF_ALU | BPF_ADD | BPF_K, bytes);
    emit(BPF_MISC | BPF_TAX);
  }
  void jump_if(unsigned condition, std::uint32_t value, Label target) {  // falls through otherwise
    jumps_.push_back({program_.size(), target});
    emit(BPF_JMP | condition | BPF_K, value);
  }
  void jump_if_one_of(std::initializer_list<std::uint32_t> values, Label target) {
    for (const std::uint32_t value : values) jump_if(BPF_JEQ, value, target);
  }
  void jump(Label target) {
    jumps_.push_back({program_.size(), target});
    emit(BPF_JMP | BPF_JA);
  }
  /// Here is where the jumps to `label` since its last placing go.
  void place(Label label) {
    for (Jump& jump : jumps_) {
      if (jump.target != label || jump.done) continue;
      const std::size_t distance = program_.size() - jump.from - 1;
      sock_filter& instruction = program_[jump.from];
      if (BPF_OP(instruction.code) == BPF_JA) {
        instruction.k = static_cast<std::uint32_t>(distance);
      } else {
        TAPLINE_CHECK(distance <= 255);  // the width of the field
        instruction.jt = static_cast<std::uint8_t>(distance);
      }
      jump.done = true;
    }
  }
  std::vector<sock_filter> take() {
    for (const Jump& jump : jumps_) TAPLINE_CHECK(jump.done);
    return std::move(program_);
  }

 private:
  struct Jump {
    std::size_t from;  // instruction index
    Label target;
    bool done = false;
  };
  std::uint32_t origin_;
  std::vector<sock_filter> program_;
  std::vector<Jump> jumps_;
};

/// Expects A = EtherType, X = end of the Ethernet header; leaves A = inner EtherType, X behind the tags.
void skip_vlan_tags(Assembler& program) {
  for (unsigned tag = 0; tag < kVlanTagsMax; ++tag) {
    program.jump_if_one_of(
        {kEtherTypeVlan, kEtherTypeServiceVlan, kEtherTypeQinq1, kEtherTypeQinq2, kEtherTypeQinq3}, kTag);
    program.jump(kTagsEnd);
    program.place(kTag);
    program.advance(4);
    program.load(BPF_H, -2);
  }
  program.place(kTagsEnd);
}

/// Expects A = EtherType behind the tags; where a frame with tags of its own follows (Cisco FabricPath: a tag
/// of two bytes and an Ethernet header; IEEE 802.1ah: four bytes and one; Cisco VN-Tag: four bytes and a
/// type; MetaData: six), leaves A and X behind those.
void skip_outer_frame(Assembler& program) {
  constexpr std::uint32_t kEthernetBytes = 14;
  program.jump_if(BPF_JEQ, kEtherTypeBackbone, kBackbone);
  program.jump_if(BPF_JEQ, kEtherTypeVnTag, kVnTag);
  program.jump_if(BPF_JEQ, kEtherTypeFabricPath, kFabricPath);
  program.jump_if(BPF_JEQ, kEtherTypeMetaData, kMetaData);
  program.jump(kInnerEnd);
  program.place(kBackbone);
  program.advance(4 + kEthernetBytes);
  program.jump(kInner);
  program.place(kVnTag);
  program.advance(6);
  program.jump(kInner);
  program.place(kMetaData);
  program.advance(8);
  program.jump(kInner);
  program.place(kFabricPath);
  program.advance(2 + kEthernetBytes);
  program.place(kInner);
  program.load(BPF_H, -2);
  skip_vlan_tags(program);
  program.place(kInnerEnd);
}

/// RFC 8300, 2.2: length in units of four bytes; 1 and 2 are IP, whose version tells them apart.
void skip_service_header(Assembler& program) {
  program.load(BPF_B, 3);
  program.jump_if_one_of({1, 2}, kServiceIp);
  program.jump(kOther);
  program.place(kServiceIp);
  program.load(BPF_H, 0);
  program.emit(BPF_ALU | BPF_AND | BPF_K, 0x3f);
  program.emit(BPF_ALU | BPF_LSH | BPF_K, 2);
  program.emit(BPF_ALU | BPF_ADD | BPF_X);
  program.emit(BPF_MISC | BPF_TAX);
  program.jump(kVersion);
}

/// RFC 2516, 4: version, code, session, length, then the PPP protocol.
void read_pppoe(Assembler& program) {
  program.load(BPF_H, 6);
  program.emit(BPF_ST, 0);
  program.advance(8);
  program.emit(BPF_LD | BPF_MEM, 0);
  program.jump_if(BPF_JEQ, 0x0021, kIpv4);
  program.jump_if(BPF_JEQ, 0x0057, kIpv6);
  program.jump(kOther);
}

/// RFC 3032, 2.1: the bottom of the stack is bit 8; what is below it does not say its type.
void skip_mpls_labels(Assembler& program) {
  for (unsigned label = 0; label < kMplsLabelsMax; ++label) {
    program.load(BPF_W, 0);
    program.emit(BPF_ST, 0);
    program.advance(4);
    program.emit(BPF_LD | BPF_MEM, 0);
    program.jump_if(BPF_JSET, 0x100, kVersion);
  }
  program.jump(kOther);
}

/// A = the XOR of `words` words from X + `offset` on; changes X.
void xor_words(Assembler& program, int offset, unsigned words) {
  for (unsigned word = 0; word + 1 < words; ++word) {
    program.load(BPF_W, offset + static_cast<int>(word) * 4);
    program.emit(BPF_ST, word);
  }
  program.load(BPF_W, offset + static_cast<int>(words - 1) * 4);
  for (unsigned word = 0; word + 1 < words; ++word) {
    program.emit(BPF_LDX | BPF_MEM, word);
    program.emit(BPF_ALU | BPF_XOR | BPF_X);
  }
}

void return_mixed(Assembler& program) {
  const auto xor_shifted = [&program](std::uint32_t bits) {
    program.emit(BPF_MISC | BPF_TAX);
    program.emit(BPF_ALU | BPF_RSH | BPF_K, bits);
    program.emit(BPF_ALU | BPF_XOR | BPF_X);
  };
  xor_shifted(16);
  program.emit(BPF_ALU | BPF_MUL | BPF_K, 0x85eb'ca6b);
  xor_shifted(13);
  program.emit(BPF_ALU | BPF_MUL | BPF_K, 0xc2b2'ae35);
  xor_shifted(16);
  program.emit(BPF_RET | BPF_A);
}

}  // namespace

std::vector<sock_filter> address_pair_program(LinkType link_type) {
  const bool ethernet = link_type == kLinkEthernet;
  // From the link header, not the network header: where a tag is still in the frame (sent ones), the kernel's
  // idea of the network header is before the tag or behind it, depending on who sent it.
  Assembler program(static_cast<std::uint32_t>(ethernet ? SKF_LL_OFF : SKF_NET_OFF));
  program.emit(BPF_LDX | BPF_IMM, ethernet ? 14 : 0);
  if (ethernet) {
    program.load(BPF_H, -2);
    skip_vlan_tags(program);
    skip_outer_frame(program);
    program.jump_if(BPF_JEQ, kEtherTypeIpv4, kIpv4);
    program.jump_if(BPF_JEQ, kEtherTypeIpv6, kIpv6);
    program.jump_if_one_of({kEtherTypeMpls, kEtherTypeMplsMulticast}, kLabels);
    program.jump_if(BPF_JEQ, kEtherTypePppoeSession, kPppoe);
    program.jump_if(BPF_JEQ, kEtherTypeNsh, kService);
    program.jump(kOther);
    program.place(kService);
    skip_service_header(program);
    program.place(kPppoe);
    read_pppoe(program);
    program.place(kLabels);
    skip_mpls_labels(program);
  }
  program.place(kVersion);
  program.load(BPF_B, 0);
  program.emit(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  program.jump_if(BPF_JEQ, 0x40, kIpv4);
  program.jump_if(BPF_JEQ, 0x60, kIpv6);
  program.place(kOther);
  program.emit(BPF_RET | BPF_K, 0);
  program.place(kIpv4);
  xor_words(program, 12, 2);  // RFC 791, 3.1
  program.jump(kMix);
  program.place(kIpv6);
  xor_words(program, 8, 8);  // RFC 8200, 3
  program.place(kMix);
  return_mixed(program);
  return program.take();
}

}  // namespace tapline

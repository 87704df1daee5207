#pragma once
// tcpdump's qualifiers and the ids that they qualify: `tcp dst port` and `80`, `src net` and `10.0.0.0/8`.

#include <string_view>

#include "capture/base/result.hpp"
#include "storage/query/filter_term.hpp"

namespace tapline::query {

enum class IdType : std::uint8_t { kHost, kNet, kPort, kPortRange, kProto, kEtherProto };

struct Qualifier {
  IdType type = IdType::kHost;
  Side side = Side::kEither;
  Family family = Family::kAny;
  std::uint8_t ip_proto = 0;  // of ports; 0: any
};

/// The term for one id. A leading backslash, tcpdump's escape for names that are keywords, is dropped.
Result<Term> make_id_term(const Qualifier& qualifier, std::string_view id);
/// `net ADDRESS mask MASK`.
Result<Term> make_masked_net_term(const Qualifier& qualifier, std::string_view address,
                                  std::string_view mask);

/// Does the word have the shape of a five-tuple: an address, then '-' somewhere?
bool looks_like_five_tuple(std::string_view word);
/// `10.0.0.5:51000-203.0.113.9:80/tcp`, `[2001:db8::1]:443-[2001:db8::2]:5000/udp`; a port left out is any
/// port. On failure `error_offset` is where in the word.
Result<Term> parse_five_tuple(std::string_view word, std::size_t& error_offset);

}  // namespace tapline::query

#pragma once
// The session fields of the filter language: their names, what values they take. The names are those of the
// JSON record, with and without orig_ and resp_.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "capture/base/result.hpp"
#include "storage/query/filter_term.hpp"

namespace tapline::query {

enum class FieldType : std::uint8_t {
  kCount,
  kBytes,
  kTime,
  kDuration,
  kPort,
  kAddress,
  kTcpFlags,
  kBool,
  kEndReason,
  kOrientRule,
  kConnState,
  kIpProto,
  kVlan,
  kTunnel,
  kApp,
  kUid,
  kCommunityId,
};

struct FieldSpec {
  std::string_view name;
  Field field;
  Side side;  // kSource: of the originator, kDestination: of the responder, kEither: of the session
  FieldType type;
};

/// nullptr where there is none of this (lower-case) name.
const FieldSpec* find_field(std::string_view name);
const FieldSpec& field_spec(Field field, Side side);
std::span<const std::string_view> field_names();

/// A name of the session record's format that this version does not measure yet.
bool is_unrecorded_field(std::string_view name);

/// Only = and != make sense: names, flags, identities.
bool is_equality_only(FieldType type);

/// The term `field relation text`; kInvalid says what values the field takes.
Result<Term> make_field_term(const FieldSpec& spec, Relation relation, std::string_view text, TimeNs now_ns);

/// `SA`: letters of FSRPAUEC in this order, bit 0 first; `0` without flags.
std::string tcp_flags_text(std::uint8_t flags);

/// The value of a kNumberField term as it is typed: `5000000ns`, `2026-01-01T00:00:00.000000000Z`, `SA`.
std::string field_value_text(const Term& term);

}  // namespace tapline::query

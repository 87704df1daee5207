#pragma once
// IndexQuery: what a filter asks of the index. A tree over key ranges such that every frame that matches the
// filter has keys for which the tree is true; frames that do not match may have them, too.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/index_key.hpp"

namespace tapline::query {

struct IndexQuery {
  enum class Kind : std::uint8_t {
    kAll,       // the index cannot tell: every block
    kNone,      // no block
    kKeyRange,  // blocks with a key in `range`
    kAnd,       // blocks that all `operands` name
    kOr,        // blocks that any of `operands` names
  };

  Kind kind = Kind::kAll;
  storage::IndexKeyRange range{};    // kKeyRange
  std::vector<IndexQuery> operands;  // kAnd, kOr: at least two, none of kind kAll or kNone

  static IndexQuery all() { return {}; }
  static IndexQuery none();
  static IndexQuery keys(const storage::IndexKeyRange& range);
  static IndexQuery key(const storage::IndexKey& key);
  /// Simplified: `all` and `none` among the operands are absorbed, one operand stands for itself.
  static IndexQuery conjunction(std::vector<IndexQuery> operands);
  static IndexQuery disjunction(std::vector<IndexQuery> operands);
};

}  // namespace tapline::query

#pragma once

#include "storage/query/filter_ast.hpp"
#include "storage/query/filter_index_query.hpp"

namespace tapline::query {

/// What the frames that the tree matches can be found by.
IndexQuery index_query_of(const Ast& ast);

}  // namespace tapline::query

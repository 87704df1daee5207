#pragma once
// The reserved words of the filter language, and what to say about words that are none.

#include <optional>
#include <string>
#include <string_view>

#include "storage/query/filter_term.hpp"
#include "storage/query/filter_words.hpp"

namespace tapline::query {

/// All of these take words in lower case.
bool is_keyword(std::string_view word);
std::optional<Family> family_word(std::string_view word);
std::optional<IdType> id_type_word(std::string_view word);
std::optional<Side> side_word(std::string_view word);

std::optional<Relation> relation_sign(std::string_view sign);

/// Messages with a remedy.
std::string explain_unknown_word(const std::string& word);
std::string explain_unknown_field(const std::string& name);

}  // namespace tapline::query

// JSON as the program writes it: members in a fixed order, plain ASCII, so that it is safe on a terminal,
// too. A source that builds documents includes <nlohmann/json.hpp> itself; it takes seconds to compile.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "ostree/objects/commit_id.hh"

namespace osb::cli {

using OrderedJson = nlohmann::ordered_json;

// Indented by two spaces, with a line feed at the end; bytes that are no UTF-8 become U+FFFD.
std::string to_document(const OrderedJson& json);
// On one line, without a line feed.
std::string to_line(const OrderedJson& json);

// null for "".
OrderedJson json_text(const std::string& text);
// null for none.
OrderedJson json_text(const std::optional<ostree::CommitId>& commit);

}  // namespace osb::cli

// JSON output: members in a fixed order, ASCII only, so that it is safe on a terminal. A source that builds
// documents must include <nlohmann/json.hpp> itself, because that takes seconds to compile.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "ostree/objects/commit_id.hh"

namespace osb::cli {

using OrderedJson = nlohmann::ordered_json;

// Formats JSON with two blanks of indentation and a final line feed. Invalid UTF-8 becomes U+FFFD.
std::string to_document(const OrderedJson& json);
// Formats JSON on one line, without a line feed.
std::string to_line(const OrderedJson& json);

// The string, or null for "".
OrderedJson json_text(const std::string& text);
// The commit as a string, or null for nullopt.
OrderedJson json_text(const std::optional<ostree::CommitId>& commit);

}  // namespace osb::cli

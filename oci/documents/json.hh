// Strict JSON for documents from outside. The only file pair that meets the JSON library's exceptions. A
// source that looks into documents includes <nlohmann/json.hpp> itself; it takes seconds to compile.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace osb::oci {

using Json = nlohmann::json;

// Parses one document: valid UTF-8 without a byte order mark, at most `max_depth` levels, no duplicate keys
// in an object, nothing after it but white space. Throws Error{invalid} naming `what`.
Json parse_json(std::string_view text, std::string_view what, std::size_t max_depth = 64);

}  // namespace osb::oci

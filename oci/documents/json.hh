// Strict JSON for external documents. Only this file pair handles the exceptions of the JSON library. A
// source that accesses documents must include <nlohmann/json.hpp> itself, because that takes seconds to
// compile.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace osb::oci {

using Json = nlohmann::json;

// Parses one document. It must be valid UTF-8 without a byte order mark, have at most `max_depth` levels, no
// duplicate keys in an object, and only white space after its end. Throws Error{invalid} naming `what`.
Json parse_json(std::string_view text, std::string_view what, std::size_t max_depth = 64);

}  // namespace osb::oci

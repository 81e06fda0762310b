// The file `entries` of a layer's commit: the serialised entries of the layer (docs/formats/layer-commit.md).
//
// It is a separate format, because with GVariant the reading of known layers took two fifths of a second
// import.
#pragma once

#include <string>
#include <string_view>

#include "ostree/tree/layer.hh"

namespace osb::ostree {

std::string serialize_entries(const Layer& layer);

// Adds the entries to `layer`. Throws Error{invalid} for bytes that serialize_entries() does not produce.
void parse_entries(std::string_view bytes, Layer& layer);

}  // namespace osb::ostree

// The file `entries` of a layer's commit: the layer's entries one after the other
// (docs/formats/layer-commit.md).
//
// A format of its own, and not a GVariant: with one, reading the known layers was two fifths of a second
// import.
#pragma once

#include <string>
#include <string_view>

#include "ostree/tree/layer.hh"

namespace osb::ostree {

std::string serialize_entries(const Layer& layer);

// Adds the entries to `layer`. Throws Error{invalid} for bytes that serialize_entries() does not write.
void parse_entries(std::string_view bytes, Layer& layer);

}  // namespace osb::ostree

// The file `digests` of a layer's commit: which object has the content with a digest
// (docs/formats/layer-commit.md). A digest covers the content of a file alone; the checksum of its object
// covers owner, mode and attributes, too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/hash.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// An object with a known content.
struct KnownContent {
    Sha256 digest{};         // of the content
    std::uint64_t size = 0;  // of the content, in bytes
    Sha256 object{};         // the checksum of the object

    auto operator<=>(const KnownContent&) const = default;
};

// The digests of the layer, sorted, each object once.
std::string serialize_digests(const Layer& layer);

// Passes each record to `take`. Throws Error{invalid} for bytes that serialize_digests() does not produce.
void parse_digests(std::string_view bytes, const std::function<void(const KnownContent&)>& take);

}  // namespace osb::ostree

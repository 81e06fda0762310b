// Finds one small file of an image that was not fetched, if that takes few bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"

namespace osb::system {

// The most bytes that are read of layers without a table of contents. The files that osb-oci looks for come
// early in a layer, because archives are sorted by name.
inline constexpr std::uint64_t kMaxSearched = 16UL * 1024 * 1024;

// The description of a file.
struct WantedFile {
    std::span<const std::string_view> names;  // its possible paths, without leading '/'
    std::string_view start;                   // the content begins with it; may be empty
    std::size_t limit;                        // of its size in bytes
    std::string_view what;                    // for messages: "apk's database"
};

struct ImageFile {
    std::optional<std::string> content;
    std::string reason;            // the reason if it is not known; else ""
    std::uint64_t bytes_read = 0;  // of blobs, approximate
};

// Looks for the file in this order: in layers that the repository has; in the tables of contents of
// zstd:chunked layers, of which only that file is then read; at the beginning of the other layers. The result
// is for information only: data of a layer without a table of contents is not verified. Throws Error if the
// registry fails.
ImageFile find_image_file(const ostree::Repository& repository, const oci::Image& image,
                          const WantedFile& wanted);

}  // namespace osb::system

// Finds the packages of an image that was not fetched, if that takes few bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/packages.hh"

namespace osb::system {

struct ImagePackages {
    std::optional<ostree::Packages> packages;
    std::string reason;            // the reason if they are not known; else ""
    std::uint64_t bytes_read = 0;  // of blobs, approximate
};

inline constexpr const char* kNoDatabase = "the image has no apk database";

// The most bytes that are read of layers without a table of contents. apk's database comes early in a layer,
// because archives are sorted by name.
inline constexpr std::uint64_t kMaxSearched = 16UL * 1024 * 1024;

// Looks for apk's database in this order: in layers that the repository has; in the tables of contents of
// zstd:chunked layers, of which only that file is then read; at the beginning of the other layers. The result
// is for information only: data of a layer without a table of contents is not verified. Throws Error if the
// registry fails.
ImagePackages find_packages(const ostree::Repository& repository, const oci::Image& image);

}  // namespace osb::system

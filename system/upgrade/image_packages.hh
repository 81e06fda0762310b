// The packages of an image that was not fetched: found with few bytes, or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "system/upgrade/packages.hh"

namespace osb::system {

struct ImagePackages {
    std::optional<Packages> packages;
    std::string reason;            // why they are not known; "" else
    std::uint64_t bytes_read = 0;  // of blobs, about
};

inline constexpr const char* kNoDatabase = "the image has no apk database";

// Of layers without a table of contents at most this is read for it: apk's database comes early in them, as
// archives are sorted by name.
inline constexpr std::uint64_t kMaxSearched = 16UL * 1024 * 1024;

// Looks for apk's database where the image has it: in layers that the repository knows; in the tables of
// contents of zstd:chunked ones, of which then only that file is read; else at the beginning of the layers
// themselves. For information alone: what is read of a layer that has no table is not verified. Throws Error
// when the registry fails.
ImagePackages find_packages(const ostree::Repository& repository, const oci::Image& image);

}  // namespace osb::system

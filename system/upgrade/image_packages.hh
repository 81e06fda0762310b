// Finds the packages of an image that was not fetched, if that takes few bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/packages.hh"
#include "system/upgrade/image_file.hh"

namespace osb::system {

struct ImagePackages {
    std::optional<ostree::Packages> packages;
    std::string reason;            // the reason if they are not known; else ""
    std::uint64_t bytes_read = 0;  // of blobs, approximate
};

inline constexpr const char* kNoDatabase = "the image has no apk database";

// Looks for apk's database as find_image_file(). Throws Error if the registry fails.
ImagePackages find_packages(const ostree::Repository& repository, const oci::Image& image);

}  // namespace osb::system

// Records the image that was fetched last and is complete in the repository:
// SYSROOT/ostree/osb-oci/fetched.json. An upgrade after --download-only, or after an interruption before the
// deployment, then needs only the digest of the manifest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oci/documents/json.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

struct FetchedImage {
    std::string image;   // as in image::ImageOrigin::value
    std::string digest;  // of the manifest
    ostree::CommitId commit;
    std::string version;     // "" if the image does not state one
    std::uint64_t time = 0;  // creation time of the image, in seconds since 1970; 0 if it is not known
};

oci::Json to_json(const FetchedImage& fetched);
// Throws Error{invalid}, with `what` as the name of the document.
FetchedImage parse_fetched_image(const oci::Json& json, std::string_view what);

// Reads the record. Returns nothing if there is no record, the record is malformed, or the image's ref in the
// repository does not (or no longer) point to that commit, or the commit lacks objects.
std::optional<FetchedImage> read_fetched_image(const ostree::Sysroot& sysroot);

// Writes the record. The sysroot must be locked.
void write_fetched(const ostree::Sysroot& sysroot, const FetchedImage& fetched);

}  // namespace osb::system

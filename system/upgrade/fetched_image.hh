// The image that was fetched last and is in the repository as a whole, in
// SYSROOT/ostree/osb-oci/fetched.json: by it an upgrade that was prepared with --download-only, or that ended
// before it deployed, goes on with nothing but the manifest's digest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

struct FetchedImage {
    std::string image;   // as image::ImageOrigin::value has it
    std::string digest;  // of the manifest
    ostree::CommitId commit;
    std::string version;     // "" where the image names none
    std::uint64_t time = 0;  // when the image was made, in seconds since 1970; 0 where it does not say
};

// Nothing when there is no record, it is not well-formed, or the repository does not name that commit by the
// image's ref (any more).
std::optional<FetchedImage> read_fetched_image(const ostree::Sysroot& sysroot);

// The sysroot must be locked.
void write_fetched(const ostree::Sysroot& sysroot, const FetchedImage& fetched);

}  // namespace osb::system

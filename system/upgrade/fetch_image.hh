// An image brought into a sysroot's repository.
#pragma once

#include <cstdint>
#include <string>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/fetched_image.hh"

namespace osb::system {

// What is written for a byte that is fetched: layers are compressed, objects in a sysroot are not. Real
// layers unpack to two to four times their size; what could not even take twice is not begun.
inline constexpr std::uint64_t kUnpackedPerCompressed = 2;

// Bytes of the layers that are not here yet, as they are fetched.
std::uint64_t bytes_to_fetch(const ostree::Repository& repository, const oci::Image& image);

struct FetchResult {
    FetchedImage fetched;
    std::uint64_t bytes_read = 0;  // of layers
};

// Imports the image, or takes the commit that it holds, with all that is here reused; the ref of `follows`
// (as image::ImageOrigin::value has it) names the commit, and read_fetched_image() finds it. Nothing but
// objects is changed before all of it is there. Throws Error: no_space with both numbers before anything is
// fetched; those of import_image(). The sysroot must be locked.
FetchResult fetch_image(ostree::Sysroot& sysroot, const oci::Image& image, const std::string& follows,
                        unsigned jobs, Progress& progress);

}  // namespace osb::system

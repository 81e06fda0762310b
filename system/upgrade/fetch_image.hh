// Fetches an image into the repository of a sysroot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/fetched_image.hh"

namespace osb::system {

// The least number of bytes written for each byte fetched: layers are compressed, and objects in a sysroot
// are not. An uncompressed layer does not grow. Real layers unpack to two to four times their size. A fetch
// does not start if there is no room even for twice the size.
inline constexpr std::uint64_t kUnpackedPerCompressed = 2;

struct FetchResult {
    FetchedImage fetched;
    std::uint64_t bytes_read = 0;  // of layers, objects in them and tables of contents
    ostree::Transfer transfer;
};

// Imports the image, or the commit that it wraps, and reuses everything that the repository has. The ref of
// `follows` (as in image::ImageOrigin::value) names the commit, and read_fetched_image() finds it. Only adds
// objects until the image is complete. The sysroot must be locked. Throws Error{no_space} with both numbers
// before anything is fetched, and the errors of import_image().
// `verified`: the commit inside the image if its signatures were verified; the result is then this commit,
// with those signatures, or Error{untrusted} is thrown. The version and the time are then those of the
// commit.
FetchResult fetch_image(ostree::Sysroot& sysroot, const oci::Image& image, const std::string& follows,
                        const std::optional<ostree::Encapsulated>& verified, ostree::FetchWay way,
                        unsigned jobs, Progress& progress);

}  // namespace osb::system

// Fetches an image into the repository of a sysroot.
#pragma once

#include <cstdint>
#include <functional>
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

// How to fetch.
struct FetchOptions {
    ostree::FetchWay way = ostree::FetchWay::automatic;
    unsigned jobs = 0;  // number of threads; 0 means one per core
    // Called once before anything is fetched, with the bytes that it may take on the disk. It throws
    // Error{no_space} if they are not there.
    std::function<void(std::uint64_t needed)> make_room;
};

// Imports the image, or the commit that it wraps, and reuses everything that the repository has. The ref of
// `follows` (as in image::ImageOrigin::value) names the commit. Only adds objects until the image is
// complete. The sysroot must be locked, by this process or by the one that waits for it; only its repository
// changes. Throws what make_room() throws, and the errors of import_image(). `verified`: the commit inside
// the image if its signatures were verified; the result is then this commit, with those signatures, or
// Error{untrusted} is thrown. The version and the time are then those of the commit.
FetchResult fetch_image(const ostree::Sysroot& sysroot, const oci::Image& image, const std::string& follows,
                        const std::optional<ostree::Encapsulated>& verified, const FetchOptions& fetch,
                        Progress& progress);

// Makes room for `needed` bytes, if the disk lacks them, by removing deployments and objects that are no
// longer needed. The sysroot must be locked. Throws Error{no_space} with both numbers.
void make_room_for_fetch(ostree::Sysroot& sysroot, std::uint64_t needed);

}  // namespace osb::system

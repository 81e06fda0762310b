// Extracts the identical commit from an encapsulated image.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The options of a pull.
struct PullOptions {
    std::optional<RefName> ref;  // the ref to set to the commit; nullopt: none
    unsigned jobs = 0;           // number of threads; 0: one per core
    FetchWay fetch = FetchWay::automatic;
    // The commit that the image must hold, because it was verified (held_commit.hh). nullopt: any.
    std::optional<CommitId> required_commit;
};

// The result of a pull.
struct PullResult {
    CommitId commit;
    std::optional<RefName> ref;
    std::string manifest_digest;
    std::size_t layers = 0;
    std::uint64_t bytes_read = 0;  // of layer blobs, objects in them and tables of contents
    Transfer transfer;
    std::uint64_t objects_written = 0;
    std::uint64_t bytes_written = 0;  // the stored size
};

// Throws Error{unsupported}, with the advice to import the image, if it has no commit or has layers on top of
// one; Error{invalid} if its labels contradict each other.
void check_pullable(const oci::Image& image);

// Stores the image's commit with all its objects and its detached metadata. Fetches only missing objects if
// this transfers less (ObjectFetch). Checks each object against its checksum, each layer that is read whole
// against its digests, the commit against the label ostree.commit, and that no object of the commit's tree is
// missing. Durable on return; if this throws, no ref has moved. Throws as check_pullable() and
// import_image(); Error{untrusted} if the commit is not the required one.
PullResult pull_image(Repository& repository, const oci::Image& image, const PullOptions& options,
                      Progress& progress);

}  // namespace osb::ostree

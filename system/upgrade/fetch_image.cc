#include "system/upgrade/fetch_image.hh"

#include <optional>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/free_space.hh"
#include "base/log.hh"
#include "image/deployment/origin.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/fetch_layers.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/deploy_room.hh"
#include "system/deploy/deploy_space.hh"
#include "system/origin/disk_space.hh"

namespace osb::system {
namespace {

constexpr std::uint64_t kMargin = 16UL * 1024 * 1024;

// The bytes to write for a layer that is read as a whole.
std::uint64_t unpacked_size(const oci::Descriptor& layer) {
    const bool is_compressed = layer.media_type.ends_with("gzip") || layer.media_type.ends_with("zstd");
    return layer.size * (is_compressed ? kUnpackedPerCompressed : 1);
}

std::uint64_t space_needed(const ostree::Repository& repository, const oci::Image& image,
                           const std::vector<std::size_t>& unread, ostree::ImageTables& tables,
                           ostree::FetchWay way) {
    if (unread.empty()) return 0;
    if (way != ostree::FetchWay::layers) {
        const ostree::PlannedWay plan = ostree::plan_without_delta(repository, image, tables).front();
        if (plan.way == "objects" || plan.way == "files")
            return plan.bytes * kUnpackedPerCompressed + kMargin;
    }
    std::uint64_t out = kMargin;
    for (const std::size_t index : unread) out += unpacked_size(image.manifest.layers[index]);
    return out;
}

// The inodes of a system like the deployed one. The number of new files is known only when the layers are
// read; the writer of objects counts then.
struct Inodes {
    std::uint64_t of_deployment = 0;
    std::uint64_t in_all = 0;  // with all its objects
};

Inodes inodes_of_present(const ostree::Sysroot& sysroot) {
    const std::optional<ostree::Deployment> current = roles_of(sysroot).current;
    if (!current) return {};
    try {
        const ostree::CommitWalk walk = ostree::walk_commit(sysroot.repository(), current->id.commit);
        const std::uint64_t own = inodes_of_deployment(walk);
        return {.of_deployment = own, .in_all = own + walk.files.size() + walk.directories.size()};
    } catch (const Error& error) {
        // A damaged system must be replaceable.
        log_debug(concat("cannot measure the present system: ", error.message()));
        return {};
    }
}

// True if the delta fits on the disk, by what it states. Nothing is removed for it, because it may state
// anything, and objects may take less.
bool fits(const ostree::Repository& repository, const ostree::DeltaFacts& delta) {
    const std::uint64_t free = free_space(repository.path()).bytes;
    // Old versions of large files are copied while they are changed.
    const std::uint64_t most = free > kMargin ? free - kMargin : 0;
    return delta.size <= most && delta.unpacked_size <= (most - delta.size) / 2;
}

std::optional<ostree::ImportResult> import_by_delta_if_it_fits(ostree::Repository& repository,
                                                               const oci::Image& image,
                                                               ostree::ImportOptions options,
                                                               const std::vector<std::size_t>& unread,
                                                               Progress& progress) {
    ostree::ImageDeltas deltas(image);
    const ostree::DeltaArtifact* const delta =
        ostree::choose_delta(repository, image, deltas, options.fetch, ostree::size_of_layers(image, unread));
    if (delta == nullptr) return std::nullopt;
    if (options.fetch != ostree::FetchWay::delta && !fits(repository, delta->facts)) {
        log_info("the disk does not have the space for the delta: fetching objects");
        return std::nullopt;
    }
    options.deltas = &deltas;
    return ostree::import_image_by_delta(repository, image, options, progress);
}

}  // namespace

void make_room_for_fetch(ostree::Sysroot& sysroot, std::uint64_t needed) {
    const Inodes inodes = inodes_of_present(sysroot);
    // Measure the repository, not the root directory, which may be a separate filesystem (composefs).
    const std::string repository = sysroot.path_of("ostree/repo");
    if (const FreeSpace free = free_space(repository); free.bytes >= needed && free.files >= inodes.in_all)
        return;
    log_info(
        "the root filesystem is nearly full: removing deployments and objects that are no longer needed");
    keep_proven(sysroot);
    make_room_on_root(sysroot, {.bytes = needed, .files = inodes.of_deployment});
    constexpr const char* kHint =
        "'osb-oci cleanup' removes deployments and objects that are no longer needed";
    const FreeSpace free = free_space(repository);
    if (free.bytes < needed) {
        throw Error(ErrorKind::no_space,
                    concat("the root filesystem has ", in_mib(free.bytes),
                           " left, and the new system requires at least ", in_mib(needed)))
            .hint(kHint);
    }
    if (free.files < inodes.of_deployment) {
        throw Error(ErrorKind::no_space,
                    concat("the root filesystem has ", free.files,
                           " inodes left, and a system like the present one requires at least ",
                           inodes.of_deployment))
            .hint(kHint);
    }
}

FetchResult fetch_image(const ostree::Sysroot& sysroot, const oci::Image& image, const std::string& follows,
                        const std::optional<ostree::Encapsulated>& verified, const FetchOptions& fetch,
                        Progress& progress) {
    ostree::ImageTables tables(image);
    ostree::Repository repository = sysroot.repository();
    const std::vector<std::size_t> unread =
        ostree::unread_layers(repository, image, ostree::evidence_for(fetch.way));
    ostree::ImportOptions options;
    options.ref = image::image_ref(follows);
    options.jobs = fetch.jobs;
    options.fetch = fetch.way;
    options.tables = &tables;
    if (verified) options.required_commit = verified->commit;
    // The same image gives the same commit on all machines, regardless of their earlier contents.
    if (!ostree::is_encapsulated(image)) options.parent = ostree::Parent::none;
    std::uint64_t before = 0;
    std::optional<ostree::ImportResult> by_delta =
        import_by_delta_if_it_fits(repository, image, options, unread, progress);
    if (!by_delta) {
        options.fetch = ostree::way_without_delta(fetch.way);
        options.uses_deltas = false;
        fetch.make_room(space_needed(repository, image, unread, tables, options.fetch));
        before = ostree::fetch_layers(repository, image, tables, options.fetch, fetch.jobs, progress);
    }
    const ostree::ImportResult result =
        by_delta ? std::move(*by_delta) : ostree::import_image(repository, image, options, progress);
    // A first layer that was known from before was not read again.
    if (verified) ostree::store_detached_metadata(repository, result.commit, verified->detached);
    const ostree::CommitInfo info = ostree::read_commit_info(repository, result.commit);
    // Beside a signed commit, labels and times of the image prove nothing.
    const std::string version = verified ? "" : result.version;
    const std::uint64_t time = verified ? 0 : ostree::image_time(image);
    FetchResult out{.fetched = {.image = follows,
                                .digest = image.manifest.digest.to_string(),
                                .commit = result.commit,
                                .version = version.empty() ? info.version : version,
                                .time = time != 0 ? time : info.time},
                    .bytes_read = before + result.bytes_read,
                    .transfer = result.transfer};
    out.transfer.layer_bytes = ostree::size_of_layers(image, unread);
    if (before > 0 && out.transfer.way == "none") out.transfer.way = "layers";
    return out;
}

}  // namespace osb::system

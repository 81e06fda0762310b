#include "system/upgrade/fetch_image.hh"

#include <optional>

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
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/deploy_room.hh"
#include "system/deploy/deploy_space.hh"
#include "system/origin/disk_space.hh"

namespace osb::system {
namespace {

// The bytes to write for the bytes to fetch.
std::uint64_t space_needed(std::uint64_t bytes) {
    constexpr std::uint64_t kMargin = 16UL * 1024 * 1024;
    return bytes == 0 ? 0 : bytes * kUnpackedPerCompressed + kMargin;
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

void check_space(ostree::Sysroot& sysroot, const oci::Image& image, ostree::ImageTables& tables) {
    const std::uint64_t needed =
        space_needed(ostree::plan_fetch(sysroot.repository(), image, tables).front().bytes);
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

}  // namespace

FetchResult fetch_image(ostree::Sysroot& sysroot, const oci::Image& image, const std::string& follows,
                        ostree::FetchWay way, unsigned jobs, Progress& progress) {
    ostree::ImageTables tables(image);
    check_space(sysroot, image, tables);
    ostree::Repository repository = sysroot.repository();
    ostree::ImportOptions options;
    options.ref = image::image_ref(follows);
    options.jobs = jobs;
    options.fetch = way;
    options.tables = &tables;
    // The same image gives the same commit on all machines, regardless of their earlier contents.
    if (!ostree::is_encapsulated(image)) options.parent = ostree::Parent::none;
    const std::uint64_t missing = ostree::size_of_layers(image, ostree::unread_layers(repository, image));
    const std::uint64_t before = ostree::fetch_layers(repository, image, tables, way, jobs, progress);
    const ostree::ImportResult result = ostree::import_image(repository, image, options, progress);
    const ostree::CommitInfo info = ostree::read_commit_info(repository, result.commit);
    const std::uint64_t time = ostree::image_time(image);
    FetchResult out{.fetched = {.image = follows,
                                .digest = image.manifest.digest.to_string(),
                                .commit = result.commit,
                                .version = result.version.empty() ? info.version : result.version,
                                .time = time != 0 ? time : info.time},
                    .bytes_read = before + result.bytes_read,
                    .transfer = result.transfer};
    out.transfer.layer_bytes = missing;
    if (before > 0 && out.transfer.way == "none") out.transfer.way = "layers";
    write_fetched(sysroot, out.fetched);
    return out;
}

}  // namespace osb::system

#include "system/upgrade/update_check.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/deployment/origin.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/tree/commit_info.hh"
#include "system/origin/machine_platform.hh"
#include "system/upgrade/fetch_image.hh"
#include "system/upgrade/fetched_image.hh"
#include "system/upgrade/image_packages.hh"
#include "system/upgrade/resolved_image.hh"
#include "system/upgrade/upgrade_target.hh"

namespace osb::system {
namespace {

// `find_after` yields the packages of what is new, or why they are not known. That they are not is no reason
// to tell nothing else, unless the network is why.
template<typename FindAfter>
void compare_packages(UpdateCheck& out, const ostree::Sysroot& sysroot, const UpgradeTarget& followed,
                      const FindAfter& find_after) {
    try {
        const std::optional<Packages> before = packages_of(sysroot, followed.current);
        if (!before) {
            out.packages_unknown = "the present system has no apk database";
            return;
        }
        const ImagePackages after = find_after();
        out.packages_unknown = after.reason;
        if (after.packages) out.packages = package_changes(*before, *after.packages);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        out.packages_unknown = error.message();
    }
}

void check_fetched(UpdateCheck& out, const ostree::Sysroot& sysroot, const UpgradeTarget& followed,
                   const FetchedImage& fetched, CheckDepth depth) {
    out.is_fetched = true;
    out.bytes_to_fetch = 0;
    out.commit = fetched.commit;
    out.release = {.version = fetched.version, .time = fetched.time};
    out.standing = match_deployment(sysroot, followed.roles, out.digest, out.commit);
    if (depth == CheckDepth::release) return;
    compare_packages(out, sysroot, followed, [&] {
        ImagePackages after;
        after.packages = packages_of_commit(sysroot.repository(), fetched.commit);
        if (!after.packages) after.reason = kNoDatabase;
        return after;
    });
}

void check_image(UpdateCheck& out, const ostree::Sysroot& sysroot, const UpgradeTarget& followed,
                 const UpgradeOptions& options, CheckDepth depth) {
    const ResolvedImage resolved =
        resolve_image(followed.read_from, options.registry, machine_platform(sysroot, followed.current));
    out.digest = resolved.digest.to_string();
    out.standing = match_deployment(sysroot, followed.roles, out.digest, std::nullopt);
    if (!out.is_new()) return;
    const std::optional<FetchedImage> fetched = read_fetched_image(sysroot);
    if (fetched && fetched->digest == out.digest) {
        check_machine_of_commit(fetched->commit, sysroot, followed.current);
        return check_fetched(out, sysroot, followed, *fetched, depth);
    }
    const oci::Image image = resolved.open();
    check_machine(image.config.platform, sysroot, followed.current);
    const ostree::Repository repository = sysroot.repository();
    out.commit = ostree::promised_whole_commit(image);
    out.standing = match_deployment(sysroot, followed.roles, out.digest, out.commit);
    if (!out.is_new()) return;
    out.release = {.version = ostree::image_version(image), .time = ostree::image_time(image)};
    if (depth == CheckDepth::release) return;
    out.bytes_to_fetch = bytes_to_fetch(repository, image);
    compare_packages(out, sysroot, followed, [&] { return find_packages(repository, image); });
}

// Power failed, or a write, between the boot entries and the bootloader.
void check_prepared(UpdateCheck& out, const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    const std::optional<Trial> trial = read_trial(sysroot);
    out.is_prepared = trial && trial->state == TrialState::prepared;
    if (!out.is_prepared) return;
    const ostree::CommitInfo info = ostree::read_commit_info(sysroot.repository(), deployment.id.commit);
    out.commit = deployment.id.commit;
    out.release = {.version = info.version, .time = info.time};
    out.is_fetched = true;
    out.bytes_to_fetch = 0;
    out.packages_unknown = "it is deployed already";
}

void check_remote(UpdateCheck& out, const ostree::Sysroot& sysroot, const image::RefspecOrigin& origin,
                  const UpgradeTarget& followed) {
    const ostree::Repository repository = sysroot.repository();
    out.commit = origin.remote.empty() ? repository.resolve(origin.ref.text())
                                       : ostree::remote_commit(repository, origin.remote, origin.ref);
    if (!out.commit)
        throw Error(ErrorKind::not_found, concat("the repository has no ref ", quoted(origin.ref.text())));
    out.standing = match_deployment(sysroot, followed.roles, "", out.commit);
    if (!out.is_new()) return;
    out.packages_unknown = "a remote reports them only when the commit is fetched";
    try {
        const ostree::CommitInfo info = ostree::read_commit_info(repository, *out.commit);
        out.release = {.version = info.version, .time = info.time};
        out.is_fetched = true;
    } catch (const Error&) {
        out.is_fetched = false;  // it is not here, or only in part
    }
}

}  // namespace

bool UpdateCheck::is_work(const UpgradeOptions& options) const {
    if (is_prepared) return true;
    const bool is_refused =
        runs_on_trial || (failed && !options.force) || (is_older && !options.allow_downgrade);
    return is_new() && !is_refused;
}

UpdateCheck check_update(const ostree::Sysroot& sysroot, const UpgradeOptions& options, CheckDepth depth) {
    const UpgradeTarget followed = find_upgrade_target(sysroot, options);
    UpdateCheck out;
    out.image = followed.image;
    out.present = followed.present;
    if (followed.read_from.empty()) {
        check_remote(out, sysroot, std::get<image::RefspecOrigin>(followed.origin), followed);
    } else {
        check_image(out, sysroot, followed, options, depth);
    }
    if (out.is_new()) {
        out.is_older = is_older(out.release, out.present);
        out.failed = find_failed(sysroot, out.digest, out.commit);
        out.runs_on_trial = followed.roles.runs_on_trial();
    } else if (out.standing == DeploymentMatch::next_on_trial) {
        check_prepared(out, sysroot, *followed.roles.on_trial);
    }
    return out;
}

}  // namespace osb::system

#include "system/upgrade/update_check.hh"

#include <array>
#include <string_view>

#include "base/error.hh"
#include "base/log.hh"
#include "image/deployment/os_release.hh"
#include "image/install/scratch_repository.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/tree/apk_database.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/upgrade/candidate.hh"
#include "system/upgrade/fetch_image.hh"
#include "system/upgrade/image_file.hh"
#include "system/upgrade/image_packages.hh"
#include "system/upgrade/packages.hh"

namespace osb::system {
namespace {

// `find_after` returns the packages of the new system, or the reason why they are not known. Without them the
// other information is still reported, unless the network failed.
template<typename FindAfter>
void compare_packages(UpdateCheck& out, const ostree::Sysroot& sysroot, const UpgradeTarget& followed,
                      const FindAfter& find_after) {
    try {
        const std::optional<ostree::Packages> before = packages_of(sysroot, followed.current);
        if (!before) {
            out.packages_unknown = "the present system has no apk database";
            return;
        }
        const ImagePackages after = find_after();
        out.packages_unknown = after.reason;
        if (after.packages) out.packages = ostree::package_changes(*before, *after.packages);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        out.packages_unknown = error.message();
    }
}

// The commit of a remote before it is fetched. Its release and packages are two files of it.
class RemoteCommit {
  public:
    RemoteCommit(const ostree::Sysroot& sysroot, const Candidate& candidate)
        : commit_(*candidate.facts().commit), scratch_("") {
        std::vector<std::string> directories;
        for (const std::string_view name : ostree::kApkDatabases)
            directories.push_back(concat('/', name.substr(0, name.rfind('/'))));
        const auto& origin = std::get<image::RefspecOrigin>(candidate.target().origin);
        ostree::pull_directories(scratch_.repository(), sysroot.repository(), origin.remote, commit_,
                                 directories);
    }

    Release release() {
        const ostree::CommitInfo info = ostree::read_commit_info(scratch_.repository(), commit_);
        return {.version = info.version, .time = info.time};
    }

    ImagePackages packages() {
        ImagePackages out;
        for (const std::string_view name : ostree::kApkDatabases) {
            const std::optional<std::string> database = ostree::read_pulled_file(
                scratch_.repository(), commit_, std::string(name), ostree::kMaxApkDatabase);
            if (!database) continue;
            out.packages = ostree::package_versions(*database);
            return out;
        }
        out.reason = "the commit has no apk database";
        return out;
    }

  private:
    ostree::CommitId commit_;
    image::ScratchRepository scratch_;
};

void look_into(UpdateCheck& out, const ostree::Sysroot& sysroot, const Candidate& candidate) {
    const ostree::Repository repository = sysroot.repository();
    if (const std::optional<oci::Image>& image = candidate.image()) {
        ostree::ImageTables tables(*image);
        ostree::ImageDeltas deltas(*image);
        out.ways = ostree::plan_fetch(repository, *image, tables, deltas);
        out.bytes_to_fetch = out.ways.front().bytes;
        return compare_packages(out, sysroot, candidate.target(),
                                [&] { return find_packages(repository, *image); });
    }
    out.bytes_to_fetch = 0;
    compare_packages(out, sysroot, candidate.target(), [&] {
        ImagePackages after;
        after.packages = ostree::packages_of_commit(repository, *out.facts.commit);
        if (!after.packages) after.reason = kNoDatabase;
        return after;
    });
}

// The os-release of the new system; nothing, with the reason, if it is not known.
std::optional<image::OsRelease> find_release(UpdateCheck& out, const ostree::Repository& repository,
                                             const Candidate& candidate) {
    if (const std::optional<oci::Image>& image = candidate.image()) {
        constexpr std::array<std::string_view, 3> kNames{"usr/etc/os-release", "etc/os-release",
                                                         "usr/lib/os-release"};
        const ImageFile file = find_image_file(
            repository, *image,
            {.names = kNames, .start = "", .limit = image::kMaxOsRelease, .what = "os-release file"});
        out.extensions_unknown = file.reason;
        if (!file.content) return std::nullopt;
        return image::parse_os_release(*file.content);
    }
    if (!candidate.is_remote() || out.facts.is_fetched)
        return image::read_os_release(repository, ostree::walk_commit(repository, *out.facts.commit));
    out.extensions_unknown = "a remote reports its os-release only when the commit is fetched";
    return std::nullopt;
}

// Reads nothing if there are no extensions.
void compare_extensions(UpdateCheck& out, const ostree::Sysroot& sysroot, const Candidate& candidate) {
    try {
        const std::string& stateroot = candidate.target().current.id.stateroot;
        if (read_extensions(sysroot, stateroot).empty()) return;
        const auto release = find_release(out, sysroot.repository(), candidate);
        if (release) out.unfit_extensions = find_unfit_extensions(sysroot, *release);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        out.extensions_unknown = error.message();
    }
}

// The power or a write failed between the change of the boot entries and that of the bootloader.
void describe_prepared(UpdateCheck& out, const ostree::Sysroot& sysroot,
                       const ostree::Deployment& deployment) {
    const ostree::CommitInfo info = ostree::read_commit_info(sysroot.repository(), deployment.id.commit);
    out.facts.commit = deployment.id.commit;
    out.facts.release = {.version = info.version, .time = info.time};
    out.facts.is_fetched = true;
    out.bytes_to_fetch = 0;
    out.packages_unknown = "it is deployed already";
}

}  // namespace

UpdateCheck check_update(const ostree::Sysroot& sysroot, const UpgradeOptions& options, CheckDepth depth) {
    Candidate candidate(sysroot, options);
    UpdateCheck out;
    out.plan = plan_for(candidate, options);
    std::optional<RemoteCommit> remote;
    const bool looks_inside = out.plan.is_work() && depth == CheckDepth::contents;
    if (looks_inside && candidate.is_remote() && !candidate.facts().is_fetched &&
        out.plan.reason != PlanReason::prepared) {
        remote.emplace(sysroot, candidate);
        candidate.set_release(remote->release());
        out.plan = plan_upgrade(candidate.facts(), options);
    }
    out.facts = candidate.facts();
    if (const auto warning = warning_of_age(out.facts, options)) log_warning(*warning);
    if (out.facts.match != DeploymentMatch::absent) out.facts.release.reset();
    if (out.plan.reason == PlanReason::prepared) {
        describe_prepared(out, sysroot, *candidate.target().roles.on_trial);
    } else if (remote) {
        compare_packages(out, sysroot, candidate.target(), [&] { return remote->packages(); });
        compare_extensions(out, sysroot, candidate);
    } else if (looks_inside) {
        look_into(out, sysroot, candidate);
        compare_extensions(out, sysroot, candidate);
    }
    return out;
}

}  // namespace osb::system

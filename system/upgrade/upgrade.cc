#include "system/upgrade/upgrade.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/deployment/kargs_d.hh"
#include "image/deployment/origin.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deployable.hh"
#include "system/deploy/deployment_match.hh"
#include "system/origin/machine_platform.hh"
#include "system/trial/advance_trial.hh"
#include "system/upgrade/fetch_image.hh"
#include "system/upgrade/resolved_image.hh"
#include "system/upgrade/upgrade_target.hh"

namespace osb::system {
namespace {

// The arguments that the image of the deployment brought. One whose files are malformed brought none.
image::KernelArguments arguments_before(const ostree::Sysroot& sysroot, const ostree::CommitId& commit,
                                        const oci::Platform& machine) {
    const ostree::Repository repository = sysroot.repository();
    try {
        return image::read_kargs(repository, ostree::walk_commit(repository, commit), machine);
    } catch (const Error& error) {
        log_warning(concat("ignoring the kernel arguments of the present system: ", error.message()));
        return {};
    }
}

class Upgrade {
  public:
    Upgrade(ostree::Sysroot& sysroot, const UpgradeOptions& options, Progress& progress)
        : sysroot_(sysroot),
          options_(options),
          progress_(progress),
          followed_(find_upgrade_target(sysroot, options)) {
        report_.image = followed_.image;
        report_.present = followed_.present;
    }

    UpgradeReport run() {
        if (followed_.read_from.empty()) {
            upgrade_from_remote();
        } else {
            upgrade_from_image();
        }
        return std::move(report_);
    }

  private:
    void upgrade_from_image() {
        progress_.begin("looking up the image", std::nullopt);
        const ResolvedImage resolved = resolve_image(followed_.read_from, options_.registry,
                                                     machine_platform(sysroot_, followed_.current));
        report_.digest = resolved.digest.to_string();
        if (is_settled(std::nullopt)) return;
        check_not_on_trial(followed_.roles);
        check_failed(sysroot_, report_.digest, std::nullopt, options_);
        if (!take_fetched()) {
            const oci::Image image = resolved.open();
            check_machine(image.config.platform, sysroot_, followed_.current);
            report_.release = {.version = ostree::image_version(image), .time = ostree::image_time(image)};
            if (is_settled(ostree::promised_whole_commit(image))) return;
            check_order(followed_, report_.release, options_);
            fetch(image);
        }
        check_order(followed_, report_.release, options_);
        if (is_settled(report_.commit) || is_same_system()) return;
        deploy();
    }

    void upgrade_from_remote() {
        const auto& origin = std::get<image::RefspecOrigin>(followed_.origin);
        check_not_on_trial(followed_.roles);
        ostree::Repository repository = sysroot_.repository();
        if (origin.remote.empty()) {
            report_.commit = repository.resolve(origin.ref.text());
            if (!report_.commit) {
                throw Error(ErrorKind::not_found,
                            concat("the repository has no ref ", quoted(origin.ref.text())))
                    .hint("'osb-oci switch IMAGE' makes this system follow an image");
            }
        } else {
            report_.commit = ostree::pull_configured(repository, origin.remote, origin.ref, progress_);
        }
        const ostree::CommitInfo info = ostree::read_commit_info(repository, *report_.commit);
        report_.release = {.version = info.version, .time = info.time};
        if (is_settled(report_.commit)) return;
        check_order(followed_, report_.release, options_);
        deploy();
    }

    // Whether nothing is left to be done: the image runs, or the next boot starts it.
    bool is_settled(const std::optional<ostree::CommitId>& commit) {
        const DeploymentMatch standing = match_deployment(sysroot_, followed_.roles, report_.digest, commit);
        if (standing == DeploymentMatch::absent) return false;
        report_.result = UpgradeResult::nothing_new;
        report_.release = followed_.present;
        report_.commit = followed_.current.id.commit;
        if (standing == DeploymentMatch::current) {
            note_pending();
            follow_from_now_on();
            return true;
        }
        const ostree::Deployment& next = standing == DeploymentMatch::next_on_trial
                                             ? *followed_.roles.on_trial
                                             : sysroot_.deployments().front();
        if (followed_.changes && image::Origin::parse(next.origin).with_untried(false) != new_origin())
            return false;  // it follows something else
        const ostree::CommitInfo info = ostree::read_commit_info(sysroot_.repository(), next.id.commit);
        report_.release = {.version = info.version, .time = info.time};
        report_.commit = next.id.commit;
        if (standing == DeploymentMatch::next_on_trial) {
            if (!options_.download_only) {
                static_cast<void>(
                    advance_trial(sysroot_, TrialEvent::resume, {.running = sysroot_.booted()}));
            }
            report_.result = UpgradeResult::trial_prepared;
        }
        report_.next_boot = next.id;
        return true;
    }

    // An image that was compressed or labelled anew: the same version of the same files. Nothing is pending.
    bool is_same_system() {
        const ostree::Repository repository = sysroot_.repository();
        const bool is_same = report_.release.version == followed_.present.version &&
                             ostree::read_root(repository, *report_.commit) ==
                                 ostree::read_root(repository, followed_.current.id.commit);
        if (!is_same || followed_.roles.on_trial) return false;
        report_.result = UpgradeResult::nothing_new;
        note_pending();
        follow_from_now_on();
        return true;
    }

    // What runs is what is followed, but the next boot starts something else.
    void note_pending() {
        const Roles& roles = followed_.roles;
        if (roles.on_trial && *roles.on_trial != followed_.current) {
            report_.next_boot = roles.on_trial->id;
        } else if (sysroot_.deployments().front() != followed_.current && !roles.on_trial) {
            report_.next_boot = sysroot_.deployments().front().id;
        }
    }

    // The running system is what the name stands for already: only its origin is not, or does not say at
    // which manifest it is, so that the next look would need more than one request.
    void follow_from_now_on() {
        if (!std::holds_alternative<image::ImageOrigin>(followed_.origin)) return;
        if (!options_.from.empty() || options_.download_only) return;
        const auto known = std::get_if<image::ImageOrigin>(&followed_.origin)->manifest_digest;
        if (!followed_.changes && known == report_.digest) return;
        sysroot_.set_origin(followed_.current, new_origin().with_state_of(present_origin()).text());
        if (followed_.changes) report_.result = UpgradeResult::follows;
    }

    // What was fetched before and is complete.
    bool take_fetched() {
        const std::optional<FetchedImage> fetched = read_fetched_image(sysroot_);
        if (!fetched || fetched->digest != report_.digest || fetched->image != follows()) return false;
        take(*fetched);
        return true;
    }

    void take(const FetchedImage& fetched) {
        report_.commit = fetched.commit;
        report_.release = {.version = fetched.version, .time = fetched.time};
    }

    // The name of the ref that keeps what was fetched.
    std::string follows() const {
        const auto* image = std::get_if<image::ImageOrigin>(&followed_.origin);
        return image != nullptr ? image->value : concat("ostree-unverified-image:", followed_.read_from);
    }

    void fetch(const oci::Image& image) {
        const FetchResult result =
            with_context([this] { return concat("image ", quoted(followed_.read_from)); },
                         [&] { return fetch_image(sysroot_, image, follows(), options_.jobs, progress_); });
        report_.bytes_read = result.bytes_read;
        take(result.fetched);
    }

    image::Origin present_origin() const { return image::Origin::parse(followed_.current.origin); }

    image::Origin new_origin() const {
        if (!std::holds_alternative<image::ImageOrigin>(followed_.origin)) {
            return present_origin().without_state();
        }
        return image::Origin::of_image(follows(), report_.digest).with_groups_of(present_origin());
    }

    // Whose kernel arguments the new one goes on from: one that waits for its trial is given up, but not what
    // was changed in it.
    const ostree::Deployment& arguments_from() const {
        const auto& on_trial = followed_.roles.on_trial;
        return on_trial ? *on_trial : followed_.current;
    }

    // Nothing is changed before it is known that the system can boot.
    void deploy() {
        check_failed(sysroot_, report_.digest, report_.commit, options_);
        progress_.begin("deploying", std::nullopt);
        const ostree::Repository repository = sysroot_.repository();
        check_machine_of_commit(*report_.commit, sysroot_, followed_.current);
        const oci::Platform machine = machine_platform(sysroot_, followed_.current);
        const ostree::CommitWalk walk = ostree::walk_commit(repository, *report_.commit);
        const ostree::Deployment& from = arguments_from();
        const ostree::NewDeployment next{
            .stateroot = followed_.current.id.stateroot,
            .commit = *report_.commit,
            .origin = new_origin().text(),
            .kernel_options =
                image::merge_kargs(from.kernel_options, arguments_before(sysroot_, from.id.commit, machine),
                                   image::read_kargs(repository, walk, machine)),
            .merge = followed_.current};
        if (options_.download_only) {
            static_cast<void>(check_deployable(sysroot_, next));
            report_.result = UpgradeResult::downloaded;
            return;
        }
        const DeployOutcome outcome = deploy_next(
            sysroot_, next,
            {.image = followed_.image, .digest = report_.digest, .version = report_.release.version});
        report_.deployment = outcome.result;
        report_.etc_conflicts = outcome.etc_conflicts;
        report_.result = UpgradeResult::deployed;
        report_.next_boot = outcome.deployment.id;
        keep_proven(sysroot_);
    }

    ostree::Sysroot& sysroot_;
    const UpgradeOptions& options_;
    Progress& progress_;
    UpgradeTarget followed_;
    UpgradeReport report_;
};

}  // namespace

UpgradeReport upgrade(ostree::Sysroot& sysroot, const UpgradeOptions& options, Progress& progress) {
    return Upgrade(sysroot, options, progress).run();
}

}  // namespace osb::system

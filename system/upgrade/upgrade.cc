#include "system/upgrade/upgrade.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/deployment/kargs_d.hh"
#include "image/deployment/origin.hh"
#include "image/deployment/os_release.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/verify_files.hh"
#include "system/deploy/deployable.hh"
#include "system/deploy/given_up.hh"
#include "system/origin/machine_platform.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/trial.hh"
#include "system/upgrade/candidate.hh"
#include "system/upgrade/download_note.hh"
#include "system/upgrade/image_lookup.hh"

namespace osb::system {
namespace {

// Returns the arguments that the image of the deployment brought. An image with malformed files brought none.
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
          candidate_(sysroot, options),
          target_(candidate_.target()),
          facts_(candidate_.facts()) {}

    UpgradeReport run() {
        const UpgradePlan plan = fetch_and_plan();
        if (const auto warning = warning_of_age(facts_, options_)) log_warning(*warning);
        if (plan.action == UpgradeAction::refuse) throw to_error(plan, facts_);
        report_.image = facts_.image;
        report_.digest = facts_.digest;
        report_.present = facts_.present;
        carry_out(plan);
        return std::move(report_);
    }

  private:
    UpgradePlan fetch_and_plan() {
        const DownloadNote note(sysroot_);
        return candidate_.is_remote() ? plan_remote() : plan_image();
    }

    UpgradePlan plan_image() {
        const ImageAnswer answer = look_up_image(sysroot_, target_, options_, progress_);
        report_.bytes_read = answer.bytes_read;
        report_.transfer = answer.transfer;
        const UpgradePlan plan = plan_of_answer(candidate_, answer, options_);
        // What was refused is not recorded: the record stands for a request.
        if (answer.transfer && answer.fetched) write_fetched(sysroot_, *answer.fetched);
        return plan;
    }

    // A remote may lack a summary. The target of its ref is then known only after the pull.
    UpgradePlan plan_remote() {
        const auto& origin = std::get<image::RefspecOrigin>(target_.origin);
        check_not_on_trial(target_.roles);
        if (origin.remote.empty()) return plan_for(candidate_, options_);
        if (options_.sandbox == SandboxMode::require) {
            throw Error(ErrorKind::unsupported,
                        "--sandbox require: what libostree pulls from a remote is read without a sandbox");
        }
        ostree::Repository repository = sysroot_.repository();
        const ostree::PulledCommit pulled =
            ostree::pull_configured(repository, origin.remote, origin.ref, progress_);
        report_.objects = pulled.fetched;
        if (pulled.fetched) report_.bytes_read = pulled.fetched->bytes_transferred;
        candidate_.set_pulled(pulled.commit);
        return plan_upgrade(facts_, options_);
    }

    void carry_out(const UpgradePlan& plan) {
        switch (plan.action) {
            case UpgradeAction::nothing_new:
            case UpgradeAction::follow:
                if (plan.reason == PlanReason::next_default)
                    return report_next(sysroot_.deployments().front());
                return stay(plan);
            case UpgradeAction::resume_trial:
                if (!options_.download_only) resume();
                report_.result = UpgradeResult::trial_prepared;
                return report_next(*target_.roles.on_trial);
            case UpgradeAction::withdraw:
                advance_trial(sysroot_, TrialEvent::replace);
                report_.result = UpgradeResult::withdrawn;
                return stay(plan);
            case UpgradeAction::download:
            case UpgradeAction::deploy:
                return deploy();
            case UpgradeAction::refuse:
                break;
        }
    }

    // It is possible that the trial is already over and that this was not noticed.
    void resume() {
        const TrialOutcome trial = advance_trial(sysroot_, TrialEvent::resume);
        if (trial.verdict != TrialVerdict::failed) return;
        throw Error(ErrorKind::refused, concat("this system has failed its trial: ", trial.reason))
            .code("failed_trial")
            .hint("'upgrade --force' tries it again");
    }

    void report_next(const ostree::Deployment& next) {
        const ostree::CommitInfo info = ostree::read_commit_info(sysroot_.repository(), next.id.commit);
        report_.release = {.version = info.version, .time = info.time};
        report_.commit = next.id.commit;
        report_.next_boot = next.id;
    }

    // The name points to the current system. If its origin lacks the manifest's digest, the next check would
    // need more than one request.
    void stay(const UpgradePlan& plan) {
        report_.release = facts_.present;
        report_.commit = target_.current.id.commit;
        const auto& on_trial = target_.roles.on_trial;
        const bool waits = on_trial && plan.action != UpgradeAction::withdraw;
        const ostree::Deployment& next = waits ? *on_trial : sysroot_.deployments().front();
        if (next != target_.current) report_.next_boot = next.id;
        if (plan.records_digest) {
            const image::Origin origin = candidate_.new_origin().with_state_of(present_origin());
            sysroot_.set_origin(target_.current, origin.text());
        }
        if (plan.action == UpgradeAction::follow) report_.result = UpgradeResult::follows;
    }

    image::Origin present_origin() const { return image::Origin::parse_or_empty(target_.current.origin); }

    // Returns the deployment whose kernel arguments the new one inherits. A deployment that waits for its
    // trial is replaced, but changes to its arguments are kept.
    const ostree::Deployment& arguments_from() const {
        const auto& on_trial = target_.roles.on_trial;
        return on_trial ? *on_trial : target_.current;
    }

    // Changes nothing before it is known that the system can boot.
    void deploy() {
        progress_.begin("deploying", std::nullopt);
        report_.commit = facts_.commit;
        report_.release = facts_.release.value_or(Release{});
        const ostree::Repository repository = sysroot_.repository();
        check_machine_of_commit(*report_.commit, sysroot_, target_.current);
        const oci::Platform machine = machine_platform(sysroot_, target_.current);
        const ostree::CommitWalk walk = ostree::walk_commit(repository, *report_.commit);
        const ostree::Deployment& from = arguments_from();
        const ostree::NewDeployment next{
            .stateroot = target_.current.id.stateroot,
            .commit = *report_.commit,
            .origin = candidate_.new_origin().text(),
            .kernel_options =
                image::merge_kargs(from.kernel_options, arguments_before(sysroot_, from.id.commit, machine),
                                   image::read_kargs(repository, walk, machine)),
            .merge = target_.current};
        report_.unfit_extensions = find_unfit_extensions(sysroot_, image::read_os_release(repository, walk));
        for (const UnfitExtension& one : report_.unfit_extensions)
            log_warning(
                concat("the new system will not have the extension ", quoted(one.name), ": ", one.reason));
        if (options_.download_only) {
            static_cast<void>(check_deployable(sysroot_, next));
            report_.result = UpgradeResult::downloaded;
            return;
        }
        // The signature covers the checksums. What is linked below is what was stored under them, now or long
        // ago, by a process that decodes what comes from outside.
        if (candidate_.is_trusted()) ostree::verify_files(repository, walk, options_.jobs);
        const DeployOutcome outcome = deploy_next(
            sysroot_, next,
            {.image = target_.image, .digest = report_.digest, .version = report_.release.version});
        report_.deployment = outcome.result;
        report_.etc_conflicts = outcome.etc_conflicts;
        report_.result = UpgradeResult::deployed;
        report_.next_boot = outcome.deployment.id;
        clear_given_up(sysroot_);
        keep_proven(sysroot_);
    }

    ostree::Sysroot& sysroot_;
    const UpgradeOptions& options_;
    Progress& progress_;
    Candidate candidate_;
    const UpgradeTarget& target_;
    const UpgradeFacts& facts_;
    UpgradeReport report_;
};

}  // namespace

UpgradeReport upgrade(ostree::Sysroot& sysroot, const UpgradeOptions& options, Progress& progress) {
    return Upgrade(sysroot, options, progress).run();
}

}  // namespace osb::system

#include "system/upgrade/upgrade_plan.hh"

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

ReleasePair releases_of(const UpgradeFacts& facts) {
    return without_impossible_times({facts.release.value_or(Release{}), facts.present}, facts.now);
}

// The name points to the current system.
UpgradePlan plan_for_current(const UpgradeFacts& facts, const UpgradeOptions& options, PlanReason reason) {
    // If another image is read instead, the image of the followed name is not known.
    const bool can_follow = options.from.empty() && !options.download_only && !facts.digest.empty();
    UpgradePlan out{.reason = reason};
    if (can_follow && facts.trial_waits && facts.trial_follows && !facts.switches)
        return {.action = UpgradeAction::withdraw, .reason = PlanReason::pulled};
    out.records_digest = can_follow && (facts.switches || !facts.is_recorded);
    if (can_follow && facts.switches) out.action = UpgradeAction::follow;
    return out;
}

std::optional<PlanReason> refusal_of(const UpgradeFacts& facts, const UpgradeOptions& options) {
    if (facts.runs_on_trial) return PlanReason::on_trial;
    if (facts.failed && !options.force) return PlanReason::failed_trial;
    if (facts.is_given_up && options.unattended) return PlanReason::rolled_back;
    return std::nullopt;
}

bool may_be_older(const UpgradeOptions& options) {
    return options.allow_downgrade || !options.switch_to.empty();
}

}  // namespace

bool UpgradePlan::is_work() const noexcept {
    switch (action) {
        case UpgradeAction::nothing_new:
        case UpgradeAction::refuse:
            return false;
        case UpgradeAction::resume_trial:
            return reason == PlanReason::prepared;
        case UpgradeAction::follow:
        case UpgradeAction::withdraw:
        case UpgradeAction::download:
        case UpgradeAction::deploy:
            break;
    }
    return true;
}

bool is_older(const UpgradeFacts& facts) {
    const ReleasePair releases = releases_of(facts);
    return facts.release && is_older(releases.candidate, releases.present);
}

UpgradePlan plan_upgrade(const UpgradeFacts& facts, const UpgradeOptions& options) {
    if (facts.match == DeploymentMatch::current) return plan_for_current(facts, options, PlanReason::running);
    if (facts.match == DeploymentMatch::next_on_trial && facts.next_is_followed) {
        return {.action = UpgradeAction::resume_trial,
                .reason = facts.trial_is_prepared ? PlanReason::prepared : PlanReason::next_on_trial};
    }
    if (facts.match == DeploymentMatch::next_default && facts.next_is_followed)
        return {.reason = PlanReason::next_default};
    if (const auto reason = refusal_of(facts, options))
        return {.action = UpgradeAction::refuse, .reason = *reason};
    if (facts.is_same_system && !facts.trial_waits)
        return plan_for_current(facts, options, PlanReason::same_system);
    if (is_older(facts) && !may_be_older(options))
        return {.action = UpgradeAction::refuse, .reason = PlanReason::older_image};
    const bool deploys = facts.is_fetched && !options.download_only;
    return {.action = deploys ? UpgradeAction::deploy : UpgradeAction::download,
            .reason = PlanReason::new_system};
}

std::optional<std::string> warning_of_age(const UpgradeFacts& facts, const UpgradeOptions& options) {
    constexpr std::uint64_t kDay = 24UL * 60 * 60;
    const Release present = facts.match == DeploymentMatch::current ? facts.present : Release{};
    const Release followed = facts.release.value_or(present);
    if (!options.max_age || followed.time == 0 || followed.time >= facts.now) return {};
    const std::uint64_t days = (facts.now - followed.time) / kDay;
    if (days <= *options.max_age) return {};
    return concat(escape(facts.image), " was built ", days, " days ago, and --max-age is ", *options.max_age,
                  ": is it still updated?");
}

std::string name_of(const Release& release, const std::string& digest,
                    const std::optional<ostree::CommitId>& commit) {
    constexpr std::size_t kShort = 12;
    const std::string text = escape(!digest.empty() ? digest : commit ? commit->text() : "");
    const std::size_t colon = text.find(':');
    const std::string id = text.substr(0, colon == std::string::npos ? kShort : colon + 1 + kShort);
    return release.version.empty() ? id : concat("version ", quoted(release.version), " (", id, ')');
}

namespace {

std::string version_of(const Release& release) {
    return release.version.empty() ? "no version" : concat("version ", quoted(release.version));
}

Error refused(const std::string& message) {
    return {ErrorKind::refused, message};
}

Error nothing_new(const std::string& message) {
    return {ErrorKind::nothing_new, concat("nothing new: ", message)};
}

}  // namespace

Error to_error(const UpgradePlan& plan, const UpgradeFacts& facts) {
    const std::string image = facts.image.empty() ? "the image" : escape(facts.image);
    const std::string is = concat(
        image, " is ", name_of(facts.release.value_or(Release{}), facts.digest, facts.commit), ", which ");
    const std::string reason = facts.failed ? escape(facts.failed->reason) : "";
    switch (plan.reason) {
        case PlanReason::running:
            return nothing_new(concat(image, " is running")).code("current");
        case PlanReason::same_system:
            return nothing_new(concat(is, "has the files of the running system")).code("current");
        case PlanReason::next_on_trial:
            return nothing_new(concat("the next boot tries ", image)).code("next_on_trial");
        case PlanReason::next_default:
            return nothing_new(concat("the next boot starts ", image)).code("next_default");
        case PlanReason::on_trial:
            return refused(concat(is, "cannot be deployed while the running system is on trial"))
                .code("on_trial")
                .hint("wait for it, run 'osb-oci boot-check', or go back with 'osb-oci rollback'");
        case PlanReason::failed_trial:
            return refused(concat(is, "failed its trial before: ", reason))
                .code("failed_trial")
                .hint("'upgrade --force' tries it again");
        case PlanReason::rolled_back:
            return refused(concat(is, "you left with 'osb-oci rollback'"))
                .code("rolled_back")
                .hint("'osb-oci upgrade' deploys it again");
        case PlanReason::older_image:
            return refused(concat(is, "is older than the running system (", version_of(facts.present), ')'))
                .code("older_image")
                .hint("'upgrade --allow-downgrade' accepts it");
        case PlanReason::prepared:
        case PlanReason::pulled:
        case PlanReason::new_system:
            break;
    }
    return {ErrorKind::internal, "an upgrade that is possible is not an error"};
}

}  // namespace osb::system

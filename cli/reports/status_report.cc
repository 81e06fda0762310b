#include "cli/reports/status_report.hh"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/output/console.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/deployment_report.hh"
#include "cli/reports/diff_report.hh"
#include "cli/reports/extension_report.hh"
#include "cli/reports/packages_report.hh"

namespace osb::cli {
namespace {

using system::DeploymentMatch;
using system::DeploymentStatus;
using system::EtcState;
using system::FailedTrial;
using system::PlanReason;
using system::TrialState;
using system::UpdateCheck;

// "sha256:" and the first 12 digits; for a commit only the digits.
std::string short_digest(const std::string& digest) {
    constexpr std::size_t kShort = 12;
    const std::size_t colon = digest.find(':');
    return escape(digest.substr(0, kShort + (colon == std::string::npos ? 0 : colon + 1)));
}

std::string with_age(std::int64_t time, std::int64_t now) {
    return concat(format_time(time), " (", format_age(time, now), ')');
}

std::string release_name(const std::string& version, const std::string& digest) {
    if (version.empty()) return short_digest(digest);
    return concat("version ", osb::quoted(version),
                  digest.empty() ? "" : concat(" (", short_digest(digest), ')'));
}

std::string trust_of(const DeploymentStatus& one) {
    switch (one.signature) {
        case system::RequiredSignature::policy:
            return "images that are signed, as the policy requires";
        case system::RequiredSignature::remote:
            return concat("commits that are signed by a key of the remote ", osb::quoted(one.remote));
        case system::RequiredSignature::none:
            break;
    }
    return "";
}

OrderedJson signature_to_json(const DeploymentStatus& one) {
    switch (one.signature) {
        case system::RequiredSignature::policy:
            return "policy";
        case system::RequiredSignature::remote:
            return "remote";
        case system::RequiredSignature::none:
            break;
    }
    return nullptr;
}

// The columns before and of the names of fields.
constexpr std::size_t kIndent = 5;
constexpr std::size_t kFieldWidth = 9;

const char* describe_usr(ostree::UsrState state) {
    switch (state) {
        case ostree::UsrState::development:
            return "is writable until the restart";
        case ostree::UsrState::hotfix:
            return "is writable, and changes are kept (ostree admin unlock --hotfix)";
        case ostree::UsrState::transient:
            return "is writable in mount namespaces (ostree admin unlock --transient)";
        case ostree::UsrState::read_only:
            break;
    }
    return "";
}

class Text {
  public:
    explicit Text(const StatusView& view) : view_(view) {}

    std::string take() && { return std::move(text_); }

    void deployment(std::size_t index) {
        const DeploymentStatus& one = view_.status.deployments[index];
        if (index > 0) text_ += '\n';
        text_ += concat(one.deployment.booted ? "* " : "  ", index, "  ", roles_of(one), '\n');
        field("image", one.follows.empty() ? "none" : escape(one.follows));
        if (!one.origin_problem.empty()) field("", styled(Style::warning, printable(one.origin_problem)));
        field("trust", trust_of(one));
        field("version", version_of(one));
        field("digest", short_digest(one.digest));
        field("commit", commit_of(one));
        if (&one == view_.status.current()) extensions();
        if (one.deployment.usr != ostree::UsrState::read_only)
            field("/usr", styled(Style::warning, describe_usr(one.deployment.usr)));
        if (one.etc == EtcState::pending)
            field("/etc",
                  styled(Style::warning, "has changes that the shutdown merges into this deployment"));
        if (one.etc == EtcState::edited)
            field("/etc", styled(Style::warning,
                                 "has changes that this deployment does not get: its own /etc was edited"));
        const auto changes = view_.changes.find(one.deployment.id.to_string());
        if (changes != view_.changes.end()) add_changes(changes->second);
    }

    void next_boot() {
        if (!view_.status.next_boot) return;
        const std::size_t index = *view_.status.next_boot;
        const DeploymentStatus& next = view_.status.deployments[index];
        text_ += concat("\nnext boot  ", index,
                        next.on_trial ? ", on trial: the default stays 0 until its checks pass" : "",
                        next.deployment.booted ? ", the running system" : "", '\n');
        if (!view_.status.trial_support.supported) {
            text_ += concat("trials     none: ", printable(view_.status.trial_support.reason), '\n');
        }
    }

    void reset() {
        if (!view_.status.reset) return;
        text_ += concat("reset      factory reset from stateroot ", escape(view_.status.reset->from), " to ",
                        escape(view_.status.reset->to),
                        view_.status.reset_waits ? "; 'osb-oci rollback' cancels it" : "", '\n');
    }

    void failure() {
        const FailedTrial* failed = view_.status.recent_failure();
        if (failed == nullptr) return;
        const bool arguments_only = failed->subject.image.empty() && failed->subject.digest.empty();
        text_ += concat('\n', styled(Style::error, "the last trial failed"), ", ",
                        format_age(failed->time, view_.now), ": ", printable(failed->reason), '\n');
        const auto& reset = view_.status.reset;
        if (reset && failed->deployment.stateroot == reset->to) {
            text_ += "  it tried the fresh system of a factory reset; 'osb-oci cleanup' removes it\n";
            return;
        }
        if (arguments_only) {
            text_ += "  it tried other kernel arguments; 'osb-oci kargs' changes them\n";
            return;
        }
        text_ += concat("  it tried ", escape(failed->subject.image), ' ',
                        release_name(failed->subject.version, failed->subject.digest), '\n');
        text_ +=
            concat("  ",
                   styled(Style::hint,
                          "upgrade waits for another image; 'osb-oci upgrade --force' tries this one again"),
                   '\n');
    }

  private:
    // Those of the current system; another one evaluates them when it starts.
    void extensions() {
        const system::SystemStatus& status = view_.status;
        const bool all_merged =
            std::all_of(status.extensions.begin(), status.extensions.end(),
                        [](const auto& one) { return one.state == system::ExtensionState::merged; });
        const std::string line = extensions_line(status.extensions);
        field("extended", all_merged ? line : styled(Style::warning, line));
        field("extended", styled(Style::warning, printable(status.extensions_problem)));
    }

    std::string styled(Style style, const std::string& text) const {
        return view_.colour ? in_style(style, text) : text;
    }

    void field(const std::string& name, const std::string& value) {
        if (value.empty()) return;
        text_ +=
            concat(std::string(kIndent, ' '), name, std::string(kFieldWidth - name.size(), ' '), value, '\n');
    }

    void add_changes(const system::DeploymentChanges& changes) {
        if (!changes.problem.empty()) {
            field("changes", concat("unknown (", printable(changes.problem), ')'));
            return;
        }
        field("changes", concat("files: ", describe_counts(changes.files)));
        text_ += describe_packages(changes.packages.changes, changes.packages.unknown,
                                   std::string(kIndent + kFieldWidth, ' '));
    }

    std::string roles_of(const DeploymentStatus& one) const {
        std::string out;
        const auto add = [&](bool holds, const std::string& word) {
            if (holds) out += concat(out.empty() ? "" : ", ", word);
        };
        const ostree::Deployment& deployment = one.deployment;
        const bool armed = view_.status.trial && view_.status.trial->state == TrialState::armed;
        const bool is_last_try = armed && view_.status.trial->attempt > 1;
        add(deployment.booted, "booted");
        add(one.is_default && !deployment.booted, "default");
        add(one.on_trial && deployment.booted, styled(Style::warning, "on trial"));
        add(one.on_trial && !deployment.booted,
            styled(Style::warning, !armed        ? "waits for its trial"
                                   : is_last_try ? "tried at the next boot, for the last time"
                                                 : "tried at the next boot"));
        add(one.rollback && !one.is_default, "rollback");  // a rollback that was done leads to the default
        add(deployment.staged, "staged");
        add(deployment.pinned, "pinned");
        add(one.failed, styled(Style::error, "failed its trial"));
        add(one.left_over && !one.failed, "left over");
        return out;
    }

    std::string version_of(const DeploymentStatus& one) const {
        std::string out = one.version.empty() ? "none" : escape(one.version);
        if (one.built) out += concat(", built ", with_age(static_cast<std::int64_t>(*one.built), view_.now));
        return out;
    }

    std::string commit_of(const DeploymentStatus& one) const {
        std::string out = one.deployment.id.short_text();
        if (one.deployed) {
            out += concat(", deployed ", with_age(static_cast<std::int64_t>(*one.deployed), view_.now));
        }
        return out;
    }

    const StatusView& view_;
    std::string text_;
};

const char* state_name(const UpdateCheck& check) {
    switch (check.plan.reason) {
        case PlanReason::running:
        case PlanReason::same_system:
            return "current";
        case PlanReason::pulled:
            return "pulled";
        case PlanReason::next_on_trial:
            return "next_on_trial";
        case PlanReason::prepared:
            return "prepared";
        case PlanReason::next_default:
            return "next_default";
        case PlanReason::on_trial:
        case PlanReason::failed_trial:
        case PlanReason::rolled_back:
        case PlanReason::older_image:
        case PlanReason::new_system:
            break;
    }
    if (check.facts.failed) return "failed_before";
    return is_older(check.facts) ? "older" : "new";
}

std::string state_text(const UpdateCheck& check, std::int64_t now) {
    const std::optional<FailedTrial>& failed = check.facts.failed;
    switch (check.plan.reason) {
        case PlanReason::running:
        case PlanReason::same_system:
            return "nothing new";
        case PlanReason::pulled:
            return "the running system again; 'osb-oci upgrade' gives up the one that waits for its trial";
        case PlanReason::prepared:
            return "it is deployed; 'osb-oci upgrade' makes the next boot try it";
        case PlanReason::next_on_trial:
            return "it is deployed, and the next boot tries it";
        case PlanReason::next_default:
            return "it is deployed, and the next boot starts it";
        case PlanReason::on_trial:
            return "you can deploy it when the running system has passed its trial";
        case PlanReason::failed_trial:
            return failed ? concat("it failed its trial ", format_age(failed->time, now), ": ",
                                   printable(failed->reason))
                          : std::string();
        case PlanReason::older_image:
            return "older than this system; 'osb-oci upgrade --allow-downgrade' accepts it";
        case PlanReason::rolled_back:
        case PlanReason::new_system:
            break;
    }
    if (check.facts.is_given_up) {
        return "you left it with 'osb-oci rollback'; 'osb-oci upgrade' deploys it, unattended upgrades do "
               "not";
    }
    return "'osb-oci upgrade' deploys it";
}

const char* state_name(const DeploymentStatus& one, TrialState state) {
    if (state == TrialState::passed) return "passed";
    if (one.deployment.booted) return "running";
    return state == TrialState::armed ? "armed" : "prepared";
}

OrderedJson time_or_null(const std::optional<std::uint64_t>& time) {
    return time ? OrderedJson(format_rfc3339(static_cast<std::int64_t>(*time))) : OrderedJson(nullptr);
}

OrderedJson subject_to_json(const system::TrialSubject& subject) {
    return {{"image", json_text(subject.image)},
            {"manifest_digest", json_text(subject.digest)},
            {"version", json_text(subject.version)}};
}

OrderedJson known_or_null(const std::optional<EtcState>& state, bool value) {
    return state ? OrderedJson(value) : OrderedJson(nullptr);
}

OrderedJson changes_to_json(const StatusView& view, const DeploymentStatus& one) {
    const auto found = view.changes.find(one.deployment.id.to_string());
    if (found == view.changes.end()) return nullptr;
    const system::DeploymentChanges& changes = found->second;
    const bool is_known = changes.problem.empty();
    return {{"against", changes.against},
            {"packages", packages_to_json(changes.packages.changes)},
            {"packages_unknown", json_text(is_known ? changes.packages.unknown : changes.problem)},
            {"files", is_known ? counts_to_json(changes.files) : OrderedJson(nullptr)}};
}

OrderedJson to_json(const StatusView& view, std::size_t index) {
    const DeploymentStatus& one = view.status.deployments[index];
    const ostree::Deployment& deployment = one.deployment;
    return {{"index", index},
            {"id", deployment.id.to_string()},
            {"stateroot", deployment.id.stateroot},
            {"commit", deployment.id.commit},
            {"serial", deployment.id.serial},
            {"booted", deployment.booted},
            {"default", one.is_default},
            {"on_trial", one.on_trial},
            {"rollback", one.rollback},
            {"pinned", deployment.pinned},
            {"staged", deployment.staged},
            {"unlocked", to_string(deployment.usr)},
            {"failed", one.failed},
            {"left_over", one.left_over},
            {"etc_pending", known_or_null(one.etc, one.etc != EtcState::current)},
            {"etc_edited", known_or_null(one.etc, one.etc == EtcState::edited)},
            {"image", json_text(one.follows)},
            {"origin_problem", json_text(one.origin_problem)},
            {"required_signature", signature_to_json(one)},
            {"signature_remote", json_text(one.remote)},
            {"manifest_digest", json_text(one.digest)},
            {"version", json_text(one.version)},
            {"built", time_or_null(one.built)},
            {"deployed", time_or_null(one.deployed)},
            {"kernel_arguments", deployment.kernel_options},
            {"changes", changes_to_json(view, one)}};
}

OrderedJson trial_to_json(const system::SystemStatus& status) {
    if (!status.trial) return nullptr;
    const system::Trial& trial = *status.trial;
    OrderedJson out{
        {"id", trial.id}, {"commit", trial.deployment.commit}, {"serial", trial.deployment.serial}};
    for (const DeploymentStatus& one : status.deployments) {
        if (one.on_trial) out["state"] = state_name(one, trial.state);
    }
    // Its deployment does not exist any more, so there will be no trial.
    if (!out.contains("state")) return nullptr;
    out["attempt"] = trial.attempt;
    out["time"] = format_rfc3339(trial.time);
    out.update(subject_to_json(trial.subject));
    return out;
}

OrderedJson reset_to_json(const system::SystemStatus& status) {
    if (!status.reset) return nullptr;
    return {{"from", status.reset->from}, {"to", status.reset->to}, {"waits", status.reset_waits}};
}

OrderedJson to_json(const FailedTrial& failed) {
    OrderedJson out{
        {"commit", failed.deployment.commit},
        {"serial", failed.is_id_reused ? OrderedJson(nullptr) : OrderedJson(failed.deployment.serial)},
        {"reason", failed.reason},
        {"time", format_rfc3339(failed.time)}};
    out.update(subject_to_json(failed.subject));
    return out;
}

OrderedJson to_json(const UpdateCheck& check) {
    std::optional<std::uint64_t> built;
    const system::UpgradeFacts& facts = check.facts;
    const system::Release release = facts.release.value_or(system::Release{});
    if (release.time != 0) built = release.time;
    return {{"image", facts.image},
            {"state", state_name(check)},
            {"upgrade", check.plan.is_work()},
            {"manifest_digest", json_text(facts.digest)},
            {"commit", json_text(facts.commit)},
            {"version", json_text(release.version)},
            {"built", time_or_null(built)}};
}

}  // namespace

std::string format_age(std::int64_t time, std::int64_t now) {
    struct Unit {
        std::int64_t seconds;
        const char* name;
    };
    constexpr std::array<Unit, 5> kUnits{
        {{31557600, "year"}, {604800, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}}};
    const bool future = time > now;
    // Unsigned, so that no difference of two times overflows.
    const std::uint64_t seconds = future ? static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(now)
                                         : static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(time);
    for (const Unit& unit : kUnits) {
        const std::uint64_t count = seconds / static_cast<std::uint64_t>(unit.seconds);
        if (count == 0) continue;
        const std::string text = format_count(count, unit.name);
        return future ? concat("in ", text) : concat(text, " ago");
    }
    return "just now";
}

std::string describe_status(const StatusView& view) {
    if (view.status.deployments.empty()) return "nothing is deployed\n";
    Text text(view);
    for (std::size_t i = 0; i < view.status.deployments.size(); ++i) text.deployment(i);
    text.next_boot();
    text.reset();
    text.failure();
    return std::move(text).take();
}

std::string describe_check(const StatusView& view) {
    if (!view.check) return "";
    const UpdateCheck& check = *view.check;
    const system::UpgradeFacts& facts = check.facts;
    const system::Release release = facts.release.value_or(system::Release{});
    const auto time = static_cast<std::int64_t>(release.time);
    return concat(
        '\n', escape(facts.image), " is ",
        release_name(release.version,
                     facts.digest.empty() ? std::string(text_or_empty(facts.commit)) : facts.digest),
        time == 0 ? "" : concat(", built ", with_age(time, view.now)), " now: ", state_text(check, view.now),
        '\n');
}

std::string status_document(const StatusView& view) {
    const system::SystemStatus& status = view.status;
    OrderedJson deployments = OrderedJson::array();
    for (std::size_t i = 0; i < status.deployments.size(); ++i) {
        deployments.push_back(to_json(view, i));
    }
    OrderedJson failed = OrderedJson::array();
    for (const FailedTrial& trial : status.failed) failed.push_back(to_json(trial));
    return to_document(
        {{"schema", 1},
         {"deployments", std::move(deployments)},
         {"next_boot", status.next_boot ? OrderedJson(*status.next_boot) : OrderedJson(nullptr)},
         {"trial", trial_to_json(status)},
         {"failed_trials", std::move(failed)},
         {"factory_reset", reset_to_json(status)},
         {"extensions", extensions_to_json(status.extensions)},
         {"extensions_problem", json_text(status.extensions_problem)},
         {"trials_possible", status.trial_support.supported},
         {"no_trials_because", json_text(status.trial_support.reason)},
         {"check", view.check ? to_json(*view.check) : OrderedJson(nullptr)}});
}

}  // namespace osb::cli

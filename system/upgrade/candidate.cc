#include "system/upgrade/candidate.hh"

#include <ctime>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/held_commit.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/given_up.hh"
#include "system/origin/machine_platform.hh"

namespace osb::system {
namespace {

bool is_recorded(const UpgradeTarget& target, const std::string& digest) {
    const auto* image = std::get_if<image::ImageOrigin>(&target.origin);
    return image == nullptr || image->manifest_digest == digest;
}

// Returns true if the system that waits for its trial follows the same name as the current system and is
// another image.
bool follows_same_name(const UpgradeTarget& target) {
    const ostree::Deployment& waiting = *target.roles.on_trial;
    const std::string name = image::Origin::parse_or_empty(target.current.origin).named();
    return waiting.id.commit != target.current.id.commit && !name.empty() &&
           image::Origin::parse_or_empty(waiting.origin).named() == name;
}

}  // namespace

Candidate::Candidate(const ostree::Sysroot& sysroot, const UpgradeOptions& options)
    : sysroot_(sysroot), options_(options), target_(find_upgrade_target(sysroot, options)) {
    facts_.image = target_.image;
    facts_.present = target_.present;
    facts_.switches = target_.changes;
    facts_.runs_on_trial = target_.roles.runs_on_trial();
    facts_.trial_waits = target_.roles.on_trial && !facts_.runs_on_trial;
    facts_.trial_follows = facts_.trial_waits && follows_same_name(target_);
    facts_.now = static_cast<std::uint64_t>(std::time(nullptr));
}

std::string Candidate::ref_name() const {
    const auto* image = std::get_if<image::ImageOrigin>(&target_.origin);
    return image != nullptr ? image->value : concat("ostree-unverified-image:", target_.read_from);
}

image::Origin Candidate::new_origin() const {
    const image::Origin present = image::Origin::parse_or_empty(target_.current.origin);
    if (!std::holds_alternative<image::ImageOrigin>(target_.origin)) return present.without_state();
    return image::Origin::of_image(ref_name(), facts_.digest).with_groups_of(present);
}

void Candidate::match_again() {
    facts_.match = match_deployment(sysroot_, target_.roles, facts_.digest, facts_.commit);
    facts_.failed = find_failed(sysroot_, facts_.digest, facts_.commit);
    facts_.is_given_up = is_given_up(sysroot_, facts_.digest, facts_.commit);
    facts_.is_recorded = is_recorded(target_, facts_.digest);
    if (facts_.match != DeploymentMatch::next_on_trial && facts_.match != DeploymentMatch::next_default)
        return;
    const bool tries_it = facts_.match == DeploymentMatch::next_on_trial;
    const ostree::Deployment& next = tries_it ? *target_.roles.on_trial : sysroot_.deployments().front();
    facts_.next_is_followed =
        !target_.changes || image::Origin::parse(next.origin).with_untried(false) == new_origin();
    if (!tries_it) return;
    const std::optional<Trial> trial = read_trial(sysroot_);
    facts_.trial_is_prepared = trial && trial->state == TrialState::prepared;
}

void Candidate::resolve() {
    if (is_remote()) return resolve_remote();
    find_trust();
    registry::RegistryOptions options = options_.registry;
    // Also for another place to read it from: the machine's owner has asked for signatures.
    if (const auto* image = std::get_if<image::ImageOrigin>(&target_.origin))
        options.require_signature = options.require_signature || image->requires_signature;
    resolved_ = resolve_image(target_.read_from, options, machine_platform(sysroot_, target_.current));
    facts_.digest = resolved_->digest.to_string();
    match_again();
    verify_match();
}

// Before any request, because without the remote's keys there is nothing to ask for.
void Candidate::find_trust() {
    const auto* image = std::get_if<image::ImageOrigin>(&target_.origin);
    if (image == nullptr || image->remote.empty()) return;
    repository_.emplace(sysroot_.repository());
    trust_.emplace(*repository_, image->remote);
}

// The deployment may have been made for an origin without verification, or its key may be revoked now.
void Candidate::verify_match() const {
    if (!trust_) return;
    switch (facts_.match) {
        case DeploymentMatch::absent:
            return;
        case DeploymentMatch::current:
            return trust_->verify_stored(target_.current.id.commit);
        case DeploymentMatch::next_on_trial:
            return trust_->verify_stored(target_.roles.on_trial->id.commit);
        case DeploymentMatch::next_default:
            return trust_->verify_stored(sysroot_.deployments().front().id.commit);
    }
}

void Candidate::resolve_remote() {
    const auto& origin = std::get<image::RefspecOrigin>(target_.origin);
    const ostree::Repository repository = sysroot_.repository();
    if (!origin.remote.empty()) {
        facts_.commit = ostree::remote_commit(repository, origin.remote, origin.ref);
        return match_again();
    }
    const auto commit = repository.resolve(origin.ref.text());
    if (!commit) {
        throw Error(ErrorKind::not_found, concat("the repository has no ref ", quoted(origin.ref.text())))
            .hint("'osb-oci switch IMAGE' makes this system follow an image");
    }
    set_pulled(*commit);
}

void Candidate::read() {
    if (is_remote()) {
        try {
            set_pulled(*facts_.commit);
        } catch (const Error& error) {
            // The commit is missing or incomplete.
            log_debug(error.message());
        }
        return;
    }
    fetched_ = read_fetched_image(sysroot_);
    if (fetched_ && fetched_->digest == facts_.digest && fetched_->image == ref_name())
        return set_fetched(*fetched_);
    fetched_.reset();
    image_ = resolved_->open();
    check_machine(image_->config.platform, sysroot_, target_.current);
    if (trust_) {
        verified_ = with_context([this] { return concat("image ", quoted(target_.read_from)); },
                                 [this] { return ostree::verify_held_commit(*image_, *trust_); });
    }
    facts_.commit = trust_ ? verified_->commit : ostree::promised_whole_commit(*image_);
    match_again();
    if (facts_.match != DeploymentMatch::absent) return;
    set_release(release_of_image());
    find_same_layers();
}

// The signatures are over the commit. Whoever can write to the registry can set labels and times of the
// image.
Release Candidate::release_of_image() const {
    if (!verified_) return {.version = ostree::image_version(*image_), .time = ostree::image_time(*image_)};
    const ostree::CommitInfo info = ostree::parse_commit_info(verified_->commit_object);
    return {.version = info.version, .time = info.time};
}

// True if the image must have a signature, by its name or an option.
bool Candidate::requires_signature() const {
    const auto* image = std::get_if<image::ImageOrigin>(&target_.origin);
    return options_.registry.require_signature || !options_.registry.policy.empty() ||
           (image != nullptr && image->requires_signature);
}

// The uncompressed layers of an image identify the files of a system, regardless of the compression.
void Candidate::find_same_layers() {
    if (facts_.release->version != facts_.present.version || ostree::is_encapsulated(*image_)) return;
    const auto origin = image::Origin::parse(target_.current.origin).target();
    const auto* const present = std::get_if<image::ImageOrigin>(&origin);
    if (present == nullptr) return;
    const ostree::Repository repository = sysroot_.repository();
    std::string digest = present->manifest_digest;
    if (digest.empty()) {
        // An installation from a repository leaves no digest. The commit's own word for it is no evidence
        // against an attacker.
        if (present->requires_signature || requires_signature()) return;
        digest = ostree::read_commit_info(repository, target_.current.id.commit).manifest_digest;
    }
    const std::vector<oci::Digest> layers =
        ostree::read_commit_layers(repository, target_.current.id.commit, digest);
    facts_.is_same_system = layers == image_->config.diff_ids;
}

void Candidate::set_release(const Release& release) {
    const bool is_told = facts_.release.has_value();
    facts_.release = release;
    const ReleasePair kept = without_impossible_times({release, facts_.present}, facts_.now);
    if (is_told || (kept.candidate.time == release.time && kept.present.time == facts_.present.time)) return;
    log_warning(concat(facts_.image.empty() ? "the image" : escape(facts_.image), ": ignoring the time of ",
                       kept.candidate.time != release.time ? "the image" : "the running system",
                       ", which is in the future"));
}

void Candidate::set_answer(const ImageAnswer& answer) {
    find_trust();
    facts_.digest = answer.digest;
    match_again();
    verify_match();
    facts_.release = answer.release;  // the other process has warned of its time
    if (answer.fetched) {
        if (answer.fetched->image != ref_name() || answer.fetched->digest != facts_.digest)
            throw Error(ErrorKind::internal, "another image was fetched");
        return set_fetched(*answer.fetched);
    }
    facts_.commit = answer.commit;
    // As below: with signatures, the same files are not enough.
    facts_.is_same_system = answer.is_same_system && !trust_;
    match_again();
    verify_match();
}

void Candidate::set_fetched(const FetchedImage& fetched) {
    if (trust_) trust_->verify_stored(fetched.commit);
    facts_.commit = fetched.commit;
    facts_.is_fetched = true;
    const ostree::Repository repository = sysroot_.repository();
    if (trust_) {
        // An older osb-oci recorded the labels of the image, which are in no signed commit.
        const ostree::CommitInfo info = ostree::read_commit_info(repository, fetched.commit);
        set_release({.version = info.version, .time = info.time});
    } else {
        set_release({.version = fetched.version, .time = fetched.time});
    }
    // With signatures, the commit that is deployed must be the one that is signed, not only have its files.
    facts_.is_same_system = !trust_ && fetched.version == facts_.present.version &&
                            ostree::read_root(repository, fetched.commit) ==
                                ostree::read_root(repository, target_.current.id.commit);
    match_again();
    if (facts_.match == DeploymentMatch::absent)
        check_machine_of_commit(fetched.commit, sysroot_, target_.current);
}

void Candidate::set_pulled(const ostree::CommitId& commit) {
    const ostree::Repository repository = sysroot_.repository();
    static_cast<void>(ostree::read_complete_root(repository, commit));  // else it throws
    const ostree::CommitInfo info = ostree::read_commit_info(repository, commit);
    facts_.commit = commit;
    facts_.is_fetched = true;
    set_release({.version = info.version, .time = info.time});
    match_again();
}

UpgradePlan plan_of_answer(Candidate& candidate, const ImageAnswer& answer, const UpgradeOptions& options) {
    candidate.set_answer(answer);
    const UpgradePlan plan = plan_upgrade(candidate.facts(), options);
    // Nothing has verified a commit of which the answer says that it has not been fetched.
    if (plan.action == UpgradeAction::download && !candidate.facts().is_fetched)
        throw Error(ErrorKind::internal, "the process in the sandbox has fetched nothing");
    return plan;
}

UpgradePlan plan_for(Candidate& candidate, const UpgradeOptions& options) {
    candidate.resolve();
    const UpgradePlan plan = plan_upgrade(candidate.facts(), options);
    if (plan.action != UpgradeAction::download || candidate.facts().is_fetched) return plan;
    candidate.read();
    return plan_upgrade(candidate.facts(), options);
}

}  // namespace osb::system

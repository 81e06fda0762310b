// The system that a followed name points to now. Reads the facts for the plan of an upgrade, stage by stage.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/objects/remote_trust.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/fetched_image.hh"
#include "system/upgrade/image_answer.hh"
#include "system/upgrade/resolved_image.hh"
#include "system/upgrade/upgrade_options.hh"
#include "system/upgrade/upgrade_plan.hh"
#include "system/upgrade/upgrade_target.hh"

namespace osb::system {

// The candidate of an upgrade. Changes nothing on disk and needs no privileges. Borrows the sysroot and the
// options.
class Candidate {
  public:
    // Throws as find_upgrade_target().
    Candidate(const ostree::Sysroot& sysroot, const UpgradeOptions& options);
    Candidate(const Candidate&) = delete;
    Candidate& operator=(const Candidate&) = delete;
    ~Candidate() = default;

    const UpgradeTarget& target() const { return target_; }
    const UpgradeFacts& facts() const { return facts_; }
    bool is_remote() const { return target_.read_from.empty(); }
    // The origin requires signatures of commits, which are verified.
    bool is_trusted() const { return trust_.has_value(); }
    // The image; available after read(), unless it was completely fetched before.
    const std::optional<oci::Image>& image() const { return image_; }
    // The commit inside the image, if the origin requires signatures of it and they were verified now, before
    // anything is fetched. Nothing for other origins, and if the repository has the commit of this digest.
    const std::optional<ostree::Encapsulated>& verified_commit() const { return verified_; }
    // Returns the origin of a deployment of this candidate.
    image::Origin new_origin() const;
    // Returns the name of the ref that keeps the fetched commit.
    std::string ref_name() const;

    // First stage: resolves the name with one request. For a remote, reads its summary. Throws
    // Error{untrusted} if the origin requires signatures of the commit, and the commit of a deployment that
    // matches does not have them, as for all stages.
    void resolve();
    // Second stage: reads manifest and config, or the record of an earlier fetch. Throws Error{unsupported}
    // for an image for another machine.
    void read();
    // The image, if it was fetched completely before; available after read().
    const std::optional<FetchedImage>& fetched() const { return fetched_; }
    // All stages, as another process has read them. Signatures of commits are verified again: that of the
    // commit that was fetched, and that of the deployment that matches, which must be in the repository.
    void set_answer(const ImageAnswer& answer);
    // Third stage: the image is in the repository.
    void set_fetched(const FetchedImage& fetched);
    // As the second stage, for the commit of a remote, of which only the commit object is known.
    void set_release(const Release& release);
    // All three stages, for a commit that was pulled from a remote, or for a local ref.
    void set_pulled(const ostree::CommitId& commit);

  private:
    void resolve_remote();
    void find_trust();
    void verify_match() const;
    void match_again();
    Release release_of_image() const;
    bool requires_signature() const;
    void find_same_layers();

    const ostree::Sysroot& sysroot_;
    const UpgradeOptions& options_;
    UpgradeTarget target_;
    UpgradeFacts facts_;
    std::optional<ResolvedImage> resolved_;
    std::optional<oci::Image> image_;
    std::optional<FetchedImage> fetched_;
    // For an origin that names a remote whose keys verify the commit.
    std::optional<ostree::Repository> repository_;
    std::optional<ostree::RemoteTrust> trust_;  // borrows repository_
    std::optional<ostree::Encapsulated> verified_;
};

// The plan for what another process has read and fetched, which may be forged. Throws as set_answer();
// Error{internal} if it needs a commit that was not fetched.
UpgradePlan plan_of_answer(Candidate& candidate, const ImageAnswer& answer, const UpgradeOptions& options);

// Runs the first two stages, and returns the plan as far as they decide it.
UpgradePlan plan_for(Candidate& candidate, const UpgradeOptions& options);

}  // namespace osb::system

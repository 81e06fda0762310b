// The system that a followed name stands for now: the facts that the plan of an upgrade is made from, read
// stage by stage.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/fetched_image.hh"
#include "system/upgrade/resolved_image.hh"
#include "system/upgrade/upgrade_options.hh"
#include "system/upgrade/upgrade_plan.hh"
#include "system/upgrade/upgrade_target.hh"

namespace osb::system {

// Changes nothing, and needs no privileges. Sysroot and options are borrowed.
class Candidate {
  public:
    // Throws as find_upgrade_target().
    Candidate(const ostree::Sysroot& sysroot, const UpgradeOptions& options);

    const UpgradeTarget& target() const { return target_; }
    const UpgradeFacts& facts() const { return facts_; }
    bool is_remote() const { return target_.read_from.empty(); }
    // After read(): the image, unless all of it was fetched before.
    const std::optional<oci::Image>& image() const { return image_; }
    // The origin that a deployment of it gets.
    image::Origin new_origin() const;
    // The name of the ref that keeps what is fetched.
    std::string ref_name() const;

    // The first stage: one request. Of a remote, its summary is read.
    void resolve();
    // The second: manifest and config, or what was fetched before. Throws Error{unsupported} for an image for
    // another machine.
    void read();
    // The third: it is in the repository.
    void set_fetched(const FetchedImage& fetched);
    // All three, of a remote's commit that was pulled, or of a local ref.
    void set_pulled(const ostree::CommitId& commit);

  private:
    void resolve_remote();
    void match_again();
    void set_release(const Release& release);
    void find_same_layers();

    const ostree::Sysroot& sysroot_;
    const UpgradeOptions& options_;
    UpgradeTarget target_;
    UpgradeFacts facts_;
    std::optional<ResolvedImage> resolved_;
    std::optional<oci::Image> image_;
};

// The first two stages, and the plan as far as they decide it.
UpgradePlan plan_for(Candidate& candidate, const UpgradeOptions& options);

}  // namespace osb::system

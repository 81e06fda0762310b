// The common part of `export` and `push`: the options of the image to write, and the writing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options/delta_flags.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/verb.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "ostree/export/export.hh"
#include "registry/trust/signing_key.hh"

namespace osb::cli {

// The options and the work of an export. Call declare() before parsing, the other functions after it.
class ExportFlags {
  public:
    void declare(Arguments& arguments);

    // True if the command line has any of these options.
    bool given() const;
    unsigned jobs() const noexcept { return jobs_; }

    // Adds what run() needs to the sandbox.
    void plan(image::SandboxPlan& plan, const std::string& target, const DeltaFlags* deltas = nullptr) const;

    // Writes the commit that `rev` names, with deltas (unless null) for a registry, and prints the manifest's
    // digest or the JSON object. Throws Error.
    void run(const Session& session, const std::string& rev, const oci::Reference& target,
             const DeltaFlags* deltas = nullptr) const;

  private:
    oci::LayerFormat layer_format(const oci::Reference& target) const;
    ostree::ExportOptions export_options(const oci::Reference& target) const;
    std::optional<registry::PrivateKey> signing_key(const oci::Reference& target) const;

    std::string format_;
    std::string compression_;  // "": the default of the target
    std::optional<unsigned> max_layers_;
    std::string previous_;
    std::vector<std::string> labels_;
    std::vector<std::string> cmd_;
    std::string sign_key_;
    std::string sign_passphrase_;
    unsigned jobs_ = 0;
    RegistryFlags registry_;
};

}  // namespace osb::cli

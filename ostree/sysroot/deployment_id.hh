// The identity of a deployment in a sysroot.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

// Stateroot, commit and serial together identify a deployment.
struct DeploymentId {
    std::string stateroot;
    CommitId commit;
    int serial = 0;  // distinguishes deployments of the same commit

    // Parses "COMMIT.SERIAL", as written by to_string(); nullopt for any other text.
    static std::optional<DeploymentId> try_parse(std::string_view stateroot, std::string_view text);

    // "COMMIT.SERIAL", the name of its directory.
    std::string to_string() const;
    // "0123456789ab.0": short text for display, which is_named_by() recognises.
    std::string short_text() const;
    // Its directory relative to the sysroot: "ostree/deploy/STATEROOT/deploy/COMMIT.SERIAL".
    std::string path() const;
    // True if `text`, from a user, is a prefix of the commit, with or without ".SERIAL" after it.
    bool is_named_by(std::string_view text) const;

    bool operator==(const DeploymentId&) const = default;
};

}  // namespace osb::ostree

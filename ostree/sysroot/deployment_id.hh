// Which deployment of a sysroot.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"

namespace osb::ostree {

struct DeploymentId {
    std::string stateroot;
    CommitId commit;
    int serial = 0;  // tells deployments of one commit apart

    // Reads "COMMIT.SERIAL", as to_string() writes it; nothing for any other text.
    static std::optional<DeploymentId> try_parse(std::string_view stateroot, std::string_view text);

    // "COMMIT.SERIAL", the name of its directory.
    std::string to_string() const;
    // "0123456789ab.0": enough of it for people to tell it apart, and for is_named_by() to find it again.
    std::string short_text() const;
    // Its directory below the sysroot: "ostree/deploy/STATEROOT/deploy/COMMIT.SERIAL".
    std::string path() const;
    // Whether `text`, as people write it, is the beginning of the commit, with or without ".SERIAL" behind
    // it.
    bool is_named_by(std::string_view text) const;

    bool operator==(const DeploymentId&) const = default;
};

}  // namespace osb::ostree

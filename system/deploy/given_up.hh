// The system that `rollback` has left, in SYSROOT/ostree/osb-oci/given-up.json: unattended upgrades do not
// deploy it again.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Whether the latest rollback has left that manifest or that commit ("" and no commit match none). A record
// that is not well-formed counts as none. Needs no privileges.
bool is_given_up(const ostree::Sysroot& sysroot, const std::string& digest,
                 const std::optional<ostree::CommitId>& commit);

// From here on the sysroot must be locked. Both are idempotent and atomic. An error is a warning: the record
// must not stand in the way of a rollback.

// Replaces the record of an earlier one.
void record_given_up(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);
void clear_given_up(const ostree::Sysroot& sysroot);

}  // namespace osb::system

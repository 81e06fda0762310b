// Records the system that `rollback` left, in SYSROOT/ostree/osb-oci/given-up.json. Unattended upgrades do
// not deploy it again.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Returns true if the latest rollback left that manifest or that commit. An empty digest or commit matches
// nothing. A malformed record counts as missing. Needs no privileges.
bool is_given_up(const ostree::Sysroot& sysroot, const std::string& digest,
                 const std::optional<ostree::CommitId>& commit);

// The sysroot must be locked for the functions below. Both are idempotent and atomic. They report an error as
// a warning, because the record must not prevent a rollback.

// Records `deployment` in place of an earlier one.
void record_given_up(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);
// Removes the record.
void clear_given_up(const ostree::Sysroot& sysroot);

}  // namespace osb::system

// Counts the starts of a system that did not reach its health check (docs/boot.md, "Starts that are
// counted"). The initramfs counts. After three of them it starts the rollback once, through the menu's label
// `fallback`, and leaves a note.
#pragma once

#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// File names of the initramfs below SYSROOT/ostree/osb-oci. Both files hold "DEPLOYMENT COUNT BOOT-ID".
inline constexpr const char* kStartsFile = "starts";
inline constexpr const char* kFallbackFile = "fallback-used";

// Removes the count, because this start reached its health check. Leaves it where the sysroot is mounted
// read-only: Sysroot::open_locked() makes it writable. Idempotent. Needs no lock.
void reset_boot_count(const ostree::Sysroot& sysroot);

// Returns true if there is a count that was not reset. Needs no lock.
bool has_boot_count(const ostree::Sysroot& sysroot);

// Returns true if the initramfs has fallen back since the last call of settle_fallback(). Needs no lock.
bool has_fallen_back(const ostree::Sysroot& sysroot);

// Settles a fallback. If the initramfs abandoned the default in favour of the running deployment, records the
// default as failed and makes the running one the default. Removes the note in any case. The sysroot must be
// locked. Idempotent. Returns the reason for the user, or "" if there was no fallback.
std::string settle_fallback(ostree::Sysroot& sysroot, const ostree::Deployment& running);

}  // namespace osb::system

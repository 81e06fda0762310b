// Starts of a system that did not reach its health check, counted by the initramfs (docs/boot.md, "Starts
// that are counted"). After three of them the initramfs starts the rollback once, by the menu's label
// `fallback`, and leaves a note.
#pragma once

#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The names of the initramfs's files below SYSROOT/ostree/osb-oci. Both hold "DEPLOYMENT COUNT BOOT-ID".
inline constexpr const char* kStartsFile = "starts";
inline constexpr const char* kFallbackFile = "fallback-used";

// Removes the count: this start has reached its health check. Returns whether the count is gone; it may be
// impossible to remove where the sysroot is mounted read-only. Idempotent. Needs no lock.
bool reset_boot_count(const ostree::Sysroot& sysroot);

// Whether the initramfs has fallen back since fall_back() was called last. Needs no lock.
bool has_fallen_back(const ostree::Sysroot& sysroot);

// The sysroot must be locked. If the initramfs gave the default up for the running deployment, records the
// default as failed and makes the running one the default. Removes the note in any case. Idempotent. Returns
// the reason for people, "" for nothing.
std::string settle_fallback(ostree::Sysroot& sysroot, const ostree::Deployment& running);

}  // namespace osb::system

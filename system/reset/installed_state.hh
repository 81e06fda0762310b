// The record that install-to-disk leaves of its --config (image/install/installed_record.hh), and the /etc
// that it makes of a fresh system.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/etc/etc_node.hh"
#include "system/etc/etc_plan.hh"

namespace osb::system {

// The open record.
struct InstalledState {
    Fd default_etc;  // the image's files that were changed or removed, as they were
    Fd etc;          // the files of /etc that were written
    Fd var;          // the files of /var that were written
};

// Opens the record; nothing if there is none, for example because another program installed the system.
// Throws Error{io}. Requires root.
std::optional<InstalledState> open_installed_state(const ostree::Sysroot& sysroot);

// A planned /etc and the open directories that it refers to.
struct FreshEtc {
    Fd image;  // the deployment's usr/etc
    Fd local;  // the record's etc; closed if there is no record
    EtcPlan plan;

    EtcSources sources() const { return {.image = image.get(), .local = local.get()}; }
};

// Plans the /etc of a system as it was installed: the image's own, with the record merged into it three ways.
// So users and groups that the image has added since the installation stay. `deployment` is the directory of
// a deployment. Throws Error as read_etc_side().
FreshEtc plan_fresh_etc(const std::string& deployment, const std::optional<InstalledState>& state);

// Returns the text of a file of the planned /etc; "" if it is missing or is not a regular file of at most 16
// MiB.
std::string read_planned(const FreshEtc& fresh, const std::string& name);

// Returns the paths that the record puts back, as in the running system ("/etc/hostname"), without
// directories.
std::vector<std::string> list_installed(const InstalledState& state);

}  // namespace osb::system

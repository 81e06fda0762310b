// The option of all verbs that work on the deployments of a machine.
#pragma once

#include <string>

#include "cli/options/arguments.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::cli {

// The parsed option, which is also the target of its row.
struct SysrootFlags {
    std::string sysroot = "/";

    void declare(Arguments& arguments);
    // Opens the sysroot read-only. Throws as ostree::Sysroot::open(); Error{usage} for an empty name.
    ostree::Sysroot open() const;
    // Opens the sysroot for changes. Throws as ostree::Sysroot::open_locked(), and as open().
    ostree::Sysroot open_locked() const;
};

}  // namespace osb::cli

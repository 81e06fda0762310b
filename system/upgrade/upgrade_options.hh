// The options of an upgrade.
#pragma once

#include <optional>
#include <string>

#include "base/sandbox.hh"
#include "ostree/import/object_fetch.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::system {

struct UpgradeOptions {
    std::string
        switch_to;     // follow this image from now on, in a form that `switch` accepts; "" keeps the target
    std::string from;  // read this image instead of the followed one; "" reads the followed one
    // Warn of an image that was built more than so many days ago.
    std::optional<unsigned> max_age;
    bool allow_downgrade = false;
    bool force = false;          // also deploy a system that failed its trial
    bool download_only = false;  // fetch, but deploy nothing
    bool unattended = false;     // do not deploy a system that `rollback` left
    ostree::FetchWay fetch = ostree::FetchWay::automatic;
    registry::RegistryOptions registry;
    unsigned jobs = 0;                       // number of threads; 0 means one per core
    SandboxMode sandbox = SandboxMode::off;  // of the process that reads the image
};

}  // namespace osb::system

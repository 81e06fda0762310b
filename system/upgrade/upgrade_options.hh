// What an upgrade is asked for.
#pragma once

#include <string>

#include "registry/distribution/registry_access.hh"

namespace osb::system {

struct UpgradeOptions {
    std::string switch_to;  // follow this image from now on, in a form that `switch` reads; "": go on
    std::string from;       // read this image in place of the one that is followed; "": that one
    bool allow_downgrade = false;
    bool force = false;          // also what has failed its trial before
    bool download_only = false;  // nothing is deployed
    bool unattended = false;     // not what `rollback` has left
    registry::RegistryOptions registry;
    unsigned jobs = 0;  // threads that work; 0: one a core
};

}  // namespace osb::system

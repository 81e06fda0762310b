// What an upgrade starts from, and what it is to follow.
#pragma once

#include <optional>
#include <string>

#include "image/deployment/origin.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"
#include "system/upgrade/release_order.hh"
#include "system/upgrade/upgrade_options.hh"

namespace osb::system {

struct UpgradeTarget {
    Roles roles;
    ostree::Deployment current;
    image::OriginTarget origin;  // what is followed from now on; NoOrigin with `from`: nothing
    std::string image;           // for people: of an image TRANSPORT:NAME, else REMOTE:REF
    std::string read_from;       // the image to read, TRANSPORT:NAME; "" for a ref of a remote
    bool changes = false;        // the current deployment follows something else
    Release present;             // of the current deployment
};

// Throws Error: not_found when nothing is deployed, or nothing is followed, with advice; usage for a name
// that cannot be followed; those of image::Origin::target().
UpgradeTarget find_upgrade_target(const ostree::Sysroot& sysroot, const UpgradeOptions& options);

}  // namespace osb::system

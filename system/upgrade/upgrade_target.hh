// The start of an upgrade: the current deployment, and the target to follow.
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
    image::OriginTarget origin;  // the target to follow from now on; NoOrigin with `from`: none
    std::string image;           // for messages: TRANSPORT:NAME for an image, else REMOTE:REF
    std::string read_from;       // the image to read, TRANSPORT:NAME; "" for a ref of a remote
    bool changes = false;        // the current deployment follows another target
    Release present;             // of the current deployment
};

// Finds the target. Throws Error{not_found} with advice if nothing is deployed or nothing is followed,
// Error{usage} for a name that cannot be followed, and the errors of image::Origin::target().
UpgradeTarget find_upgrade_target(const ostree::Sysroot& sysroot, const UpgradeOptions& options);

}  // namespace osb::system

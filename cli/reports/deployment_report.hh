// Deployments as the verbs that change them name them, for people and for programs.
#pragma once

#include <string>

#include "cli/output/json_output.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::cli {

// "0123456789ab.0": enough of it to be told apart, and to be found again.
std::string short_id(const ostree::Deployment& deployment);

// "version '1.2' (0123456789ab.0)", or the short id alone.
std::string name_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// For people who look for one in `status`: "deployment" in docs/json.md.
OrderedJson deployment_to_json(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

}  // namespace osb::cli

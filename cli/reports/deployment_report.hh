// Deployments as the verbs that change them name them, for people and for programs.
#pragma once

#include <string>

#include "cli/output/json_output.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::cli {

// "version '1.2' (0123456789ab.0)", or the short id alone.
std::string name_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// For people who look for one in `status`: "deployment" in docs/json.md.
OrderedJson deployment_to_json(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

}  // namespace osb::cli

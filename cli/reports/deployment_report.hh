// Names of deployments in the output of verbs that change them, for people and for programs.
#pragma once

#include <string>

#include "cli/output/json_output.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::cli {

// "version '1.2' (0123456789ab.0)", or only the short ID.
std::string name_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// The object "deployment" in docs/json.md, whose members match the output of `status`.
OrderedJson deployment_to_json(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

}  // namespace osb::cli

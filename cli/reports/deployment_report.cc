#include "cli/reports/deployment_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/tree/commit_info.hh"
#include "system/deploy/deployment_match.hh"

namespace osb::cli {
namespace {

std::string version_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    try {
        return ostree::read_commit_info(sysroot.repository(), deployment.id.commit).version;
    } catch (const Error&) {
        return "";  // it is missing or damaged: use only the commit
    }
}

}  // namespace

std::string name_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    const std::string version = version_of(sysroot, deployment);
    if (version.empty()) return deployment.id.short_text();
    return concat("version ", osb::quoted(version), " (", deployment.id.short_text(), ')');
}

OrderedJson deployment_to_json(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    return {{"id", deployment.id.to_string()},
            {"stateroot", deployment.id.stateroot},
            {"commit", deployment.id.commit},
            {"serial", deployment.id.serial},
            {"manifest_digest", json_text(system::manifest_digest_of(sysroot, deployment))},
            {"version", json_text(version_of(sysroot, deployment))}};
}

}  // namespace osb::cli

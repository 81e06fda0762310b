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
        return ostree::read_commit_info(sysroot.repository(), deployment.commit).version;
    } catch (const Error&) {
        return "";  // it is gone, or damaged: named by its commit alone
    }
}

}  // namespace

std::string short_id(const ostree::Deployment& deployment) {
    return concat(deployment.commit.short_text(), '.', deployment.serial);
}

std::string name_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    const std::string version = version_of(sysroot, deployment);
    if (version.empty()) return short_id(deployment);
    return concat("version ", osb::quoted(version), " (", short_id(deployment), ')');
}

OrderedJson deployment_to_json(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment) {
    return {{"id", deployment.id()},
            {"stateroot", deployment.stateroot},
            {"commit", deployment.commit},
            {"serial", deployment.serial},
            {"manifest_digest", json_text(system::manifest_digest_of(sysroot, deployment))},
            {"version", json_text(version_of(sysroot, deployment))}};
}

}  // namespace osb::cli

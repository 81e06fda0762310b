#include "system/deploy/deployment_name.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr const char* kStatusHint = "'osb-oci status' lists the deployments";
constexpr std::size_t kLeastCommitDigits = 4;

Deployment required_role(const std::optional<Deployment>& deployment, std::string_view what) {
    if (deployment) return *deployment;
    throw Error(ErrorKind::not_found, concat("there is no ", what, " deployment")).hint(kStatusHint);
}

bool has_only(std::string_view text, std::string_view characters) {
    return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

std::optional<std::size_t> deployment_index(std::string_view text) {
    constexpr std::size_t kMostDigits = 3;
    if (text.size() > kMostDigits || !has_only(text, "0123456789")) return std::nullopt;
    std::size_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

bool is_commit_and_serial(std::string_view text) {
    const std::size_t dot = text.find('.');
    return dot != std::string_view::npos && dot >= kLeastCommitDigits &&
           has_only(text.substr(0, dot), "0123456789abcdef") && has_only(text.substr(dot + 1), "0123456789");
}

Deployment find_by_commit(const std::vector<Deployment>& all, const std::string& text) {
    std::vector<Deployment> found;
    for (const Deployment& deployment : all) {
        if (deployment.id.is_named_by(text)) found.push_back(deployment);
    }
    if (text.substr(0, text.find('.')).size() < kLeastCommitDigits || found.empty()) {
        throw Error(ErrorKind::not_found, concat("there is no deployment ", quoted(text))).hint(kStatusHint);
    }
    if (found.size() > 1) {
        throw Error(ErrorKind::usage, concat(quoted(text), " matches several deployments"))
            .hint("use its number in 'osb-oci status', or COMMIT.SERIAL");
    }
    return found.front();
}

}  // namespace

bool is_deployment_name(std::string_view text) {
    constexpr std::array<std::string_view, 4> kRoles{"booted", "staged", "pending", "rollback"};
    return std::find(kRoles.begin(), kRoles.end(), text) != kRoles.end() || deployment_index(text) ||
           is_commit_and_serial(text);
}

std::optional<Deployment> pending_deployment(const Sysroot& sysroot) {
    const Roles roles = roles_of(sysroot);
    if (!roles.current) return std::nullopt;
    for (const Deployment& deployment : sysroot.deployments()) {
        if (deployment.staged) return deployment;
    }
    if (roles.on_trial && !roles.runs_on_trial()) return roles.on_trial;
    const Deployment& first = sysroot.deployments().front();
    return first == *roles.current ? std::nullopt : std::optional(first);
}

Deployment find_deployment(const Sysroot& sysroot, const std::string& text) {
    const Roles roles = roles_of(sysroot);
    // For a system that is not running, use the default deployment.
    if (text.empty()) return required_role(roles.current, "booted");
    if (text == "booted") return required_role(sysroot.booted(), "booted");
    if (text == "rollback") return required_role(roles.rollback, "rollback");
    if (text == "staged" || text == "pending") return required_role(pending_deployment(sysroot), text);
    const auto index = deployment_index(text);
    if (!index) return find_by_commit(sysroot.deployments(), text);
    if (*index >= sysroot.deployments().size()) {
        throw Error(ErrorKind::not_found, concat("there is no deployment ", *index)).hint(kStatusHint);
    }
    return sysroot.deployments()[*index];
}

}  // namespace osb::system

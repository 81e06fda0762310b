#include "ostree/sysroot/deployment_id.hh"

#include <charconv>

#include "base/bytes.hh"

namespace osb::ostree {

std::optional<DeploymentId> DeploymentId::try_parse(std::string_view stateroot, std::string_view text) {
    const std::size_t dot = text.find('.');
    const auto commit = CommitId::try_parse(text.substr(0, dot));
    if (!commit || dot == std::string_view::npos) return std::nullopt;
    DeploymentId out{.stateroot = std::string(stateroot), .commit = *commit};
    std::from_chars(text.data() + dot + 1, text.data() + text.size(), out.serial);
    // Accept only the canonical text: no sign, no leading zero, nothing after the number.
    if (out.serial < 0 || out.to_string() != text) return std::nullopt;
    return out;
}

std::string DeploymentId::to_string() const {
    return concat(commit, '.', serial);
}

std::string DeploymentId::short_text() const {
    return concat(commit.short_text(), '.', serial);
}

std::string DeploymentId::path() const {
    return concat("ostree/deploy/", stateroot, "/deploy/", to_string());
}

bool DeploymentId::is_named_by(std::string_view text) const {
    const std::size_t dot = text.find('.');
    const bool serial_fits = dot == std::string_view::npos || text.substr(dot + 1) == concat(serial);
    return serial_fits && commit.text().starts_with(text.substr(0, dot));
}

}  // namespace osb::ostree

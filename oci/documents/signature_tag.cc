#include "oci/documents/signature_tag.hh"

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kSuffix = ".sig";
constexpr std::size_t kReferrersDigits = 64;

}  // namespace

std::string signature_tag(const Digest& manifest) {
    return concat(manifest.algorithm_name(), '-', manifest.hex(), kSuffix);
}

std::string referrers_tag(const Digest& manifest) {
    return concat(manifest.algorithm_name(), '-',
                  std::string_view(manifest.hex()).substr(0, kReferrersDigits));
}

bool is_signature_tag(std::string_view tag) {
    const std::size_t dash = tag.find('-');
    if (dash == std::string_view::npos || !tag.ends_with(kSuffix)) return false;
    tag.remove_suffix(kSuffix.size());
    try {
        static_cast<void>(Digest::parse(concat(tag.substr(0, dash), ':', tag.substr(dash + 1))));
    } catch (const Error&) {
        return false;
    }
    return true;
}

std::optional<Digest> subject_of_referrers_tag(std::string_view tag) {
    constexpr std::string_view kPrefix = "sha256-";
    if (!tag.starts_with(kPrefix) || tag.size() != kPrefix.size() + kReferrersDigits) return std::nullopt;
    try {
        return Digest::parse(concat("sha256:", tag.substr(kPrefix.size())));
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace osb::oci

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

bool is_referrers_tag(std::string_view tag) {
    const std::size_t dash = tag.find('-');
    if (dash == std::string_view::npos) return false;
    const std::string_view algorithm = tag.substr(0, dash);
    const std::string_view digits = tag.substr(dash + 1);
    if (algorithm != "sha256" && algorithm != "sha512") return false;
    return digits.size() == kReferrersDigits &&
           digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace osb::oci

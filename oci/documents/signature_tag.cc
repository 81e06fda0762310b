#include "oci/documents/signature_tag.hh"

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kSuffix = ".sig";

}  // namespace

std::string signature_tag(const Digest& manifest) {
    return concat(manifest.algorithm_name(), '-', manifest.hex(), kSuffix);
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

}  // namespace osb::oci

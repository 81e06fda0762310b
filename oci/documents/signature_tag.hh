// The name under which cosign stores the signatures of a manifest: "sha256-<digits>.sig".
#pragma once

#include <string>
#include <string_view>

#include "oci/documents/digest.hh"

namespace osb::oci {

std::string signature_tag(const Digest& manifest);

// True for the name of the signatures of some manifest.
bool is_signature_tag(std::string_view tag);

}  // namespace osb::oci

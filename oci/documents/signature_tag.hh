// Tags that name what belongs to a manifest: its signatures as cosign stores them ("sha256-<digits>.sig"),
// and the index of its referrers (distribution specification, "Referrers Tag Schema": "sha256-<64 digits>").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/documents/digest.hh"

namespace osb::oci {

std::string signature_tag(const Digest& manifest);
// The digits of a longer digest are cut at 64.
std::string referrers_tag(const Digest& manifest);

// True for the name of the signatures of some manifest.
bool is_signature_tag(std::string_view tag);
// The inverse of referrers_tag() for SHA-256; nullopt for another tag.
std::optional<Digest> subject_of_referrers_tag(std::string_view tag);

}  // namespace osb::oci

// The rules that compare the name in a signature with the name of the image: "signedIdentity" of
// containers-policy.json(5).
#pragma once

#include <string>
#include <string_view>

namespace osb::registry {

// A name HOST/NAME with a tag or a digest, or none.
struct DockerName {
    std::string repository;  // HOST/NAME; docker.io is completed
    std::string tag;         // "" for none
    std::string digest;      // "" for none

    // Parses HOST/NAME[:TAG][@DIGEST]; docker.io may be left out, as docker writes names. Throws
    // Error{invalid}.
    static DockerName parse(std::string_view text);
    std::string to_string() const;
};

enum class IdentityRule {
    match_exact,
    match_repo_digest_or_exact,  // the default
    match_repository,
    exact_reference,
    exact_repository,
    remap_identity,
    match_digest,  // of osb-oci alone: no name is compared, because the digest always is
};

// A rule with its operands.
struct SignedIdentity {
    IdentityRule rule = IdentityRule::match_repo_digest_or_exact;
    std::string operand;        // of exact_reference and exact_repository; the prefix of remap_identity
    std::string signed_prefix;  // of remap_identity

    // False if a signature without a name is enough.
    bool needs_name() const { return rule != IdentityRule::match_digest; }
    // True if a signature with the name `signed_name` is one for the image with the name `image`; for an
    // image without a name of this form ("" for layouts and archives) only the exact rules and match_digest
    // can be.
    bool accepts(std::string_view image, std::string_view signed_name) const;
};

}  // namespace osb::registry

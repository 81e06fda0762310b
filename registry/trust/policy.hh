// containers-policy.json(5): which images may be used, by the signatures that they have.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/reference.hh"
#include "registry/trust/signed_identity.hh"

namespace osb::registry {

// One requirement of a policy.
struct PolicyRequirement {
    enum class Kind { accept_anything, reject, sigstore_signed, unsupported };
    Kind kind = Kind::reject;
    std::vector<std::string> key_paths;  // of sigstore_signed: files with public keys in PEM
    std::vector<std::string> keys;       // the same: PEM
    SignedIdentity identity;
    std::string problem;  // of unsupported: the unsupported member or type, for the message
};

using PolicyRequirements = std::vector<PolicyRequirement>;

// A parsed policy.
class Policy {
  public:
    // The maximum size of the file in bytes.
    static constexpr std::size_t kMaxFile = 4UL * 1024 * 1024;

    // Parses strictly: an unknown or duplicate member, or an empty list, invalidates the whole policy. A
    // requirement type that is not implemented stays a requirement, which rejects. `what` names the file in
    // errors. Throws Error{invalid}.
    static Policy parse(std::string_view text, const std::string& what);
    // Reads `path`; "" for the user's policy (~/.config/containers/policy.json), else the system's
    // (/etc/containers/policy.json). Returns nullopt if `path` is "" and neither exists. Throws Error:
    // not_found for a missing `path`; as parse().
    static std::optional<Policy> read(const std::string& path);

    // The requirements for an image: those of the most specific scope alone.
    const PolicyRequirements& requirements_for(const oci::Reference& image) const;

  private:
    PolicyRequirements default_;
    // Transport -> scope -> requirements.
    std::map<std::string, std::map<std::string, PolicyRequirements>, std::less<>> transports_;
};

// The scopes of an image, the most specific first, without "". For docker: HOST/NAME:TAG or HOST/NAME@DIGEST,
// HOST/NAME, its namespaces, HOST, and *.DOMAIN for each domain of the host; for transports with a path: the
// resolved path and its parents. Empty for the others.
std::vector<std::string> policy_scopes(const oci::Reference& image);

}  // namespace osb::registry

#include "registry/trust/verify_image.hh"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "registry/auth/small_file.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/image_signatures.hh"

namespace osb::registry {
namespace {

constexpr std::size_t kMaxKeyFile = 1024UL * 1024;

PublicKey read_public_key(const std::string& path) {
    const std::optional<std::string> pem = read_small_file(path, kMaxKeyFile);
    if (!pem) throw Error(ErrorKind::not_found, concat("there is no key ", quoted(path)));
    return PublicKey::parse(*pem, concat("key ", quoted(path)));
}

// A key that cannot be loaded is an error even if another one would do, as in containers/image.
std::vector<PublicKey> keys_of(const PolicyRequirement& requirement) {
    std::vector<PublicKey> out;
    for (const std::string& path : requirement.key_paths) out.push_back(read_public_key(path));
    for (const std::string& pem : requirement.keys)
        out.push_back(PublicKey::parse(pem, "a key of the policy"));
    return out;
}

// The name of the image in the form that signatures have; "" for one without.
std::string docker_name(const oci::Reference& image) {
    if (image.transport != oci::Transport::docker) return {};
    return DockerName{.repository = image.location, .tag = image.tag, .digest = image.digest}.to_string();
}

// Why the signatures that were looked at do not fulfil a requirement. One that a key of the policy has made
// says more than the others.
struct Refusal {
    std::string reason = "it is not signed";
    bool by_a_key = false;
};

// One image that is checked. Reads its signatures once.
class Checked {
  public:
    Checked(const oci::Reference& image, const oci::Digest& manifest, const RegistryOptions& options)
        : image_(image), manifest_(manifest), reader_(image, manifest, options) {}

    // "" if the requirement holds, else why not.
    std::string problem_with(const PolicyRequirement& requirement) {
        using Kind = PolicyRequirement::Kind;
        switch (requirement.kind) {
            case Kind::accept_anything:
                return {};
            case Kind::reject:
                return "the policy rejects it";
            case Kind::unsupported:
                return concat("the policy requires ", requirement.problem, ", which is not supported");
            case Kind::sigstore_signed:
                break;
        }
        const std::vector<PublicKey> keys = keys_of(requirement);
        Refusal refusal;
        std::string skipped;
        for (std::size_t place = 0; place < reader_.places(); ++place) {
            const FoundSignatures& found = reader_.at(place);
            if (has_valid(found.signatures, keys, requirement.identity, refusal)) return {};
            if (skipped.empty()) skipped = found.problem;
        }
        return skipped.empty() ? refusal.reason : concat(refusal.reason, " (skipped: ", skipped, ')');
    }

  private:
    bool has_valid(const std::vector<ImageSignature>& signatures, const std::vector<PublicKey>& keys,
                   const SignedIdentity& identity, Refusal& refusal) const {
        for (const ImageSignature& signature : signatures) {
            const bool by_a_key = std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
                return is_signed_by(signature, key, manifest_);
            });
            const std::string problem =
                by_a_key ? problem_with(signature, identity) : "no signature is by a key of the policy";
            if (problem.empty()) return true;
            if (by_a_key || !refusal.by_a_key) refusal = {.reason = problem, .by_a_key = by_a_key};
        }
        return false;
    }

    // Of a signature that a key of the policy has made.
    std::string problem_with(const ImageSignature& signature, const SignedIdentity& identity) const {
        try {
            const ImageClaim claim = claim_of(signature, manifest_);
            if (!claim.reference) {
                return identity.needs_name()
                           ? "the signature proves the digest only, and the policy compares "
                             "names ('signedIdentity')"
                           : "";
            }
            if (!identity.accepts(docker_name(image_), *claim.reference))
                return concat("the signature is for the name ", quoted(*claim.reference));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::invalid) throw;
            return error.message();
        }
        return {};
    }

    const oci::Reference& image_;
    const oci::Digest& manifest_;
    SignatureReader reader_;
};

[[noreturn]] void refuse_image(const oci::Reference& image, const oci::Digest& manifest,
                               const std::string& why) {
    throw Error(ErrorKind::untrusted,
                concat("image ", quoted(image.to_string()), " (", manifest.short_string(), "): ", why));
}

}  // namespace

void check_policy(const oci::Reference& image, const oci::Digest& manifest, const RegistryOptions& options) {
    const std::optional<Policy> policy = Policy::read(options.policy);
    bool needs_signature = options.require_signature;
    if (policy) {
        Checked checked(image, manifest, options);
        for (const PolicyRequirement& requirement : policy->requirements_for(image)) {
            const std::string problem = checked.problem_with(requirement);
            if (!problem.empty()) refuse_image(image, manifest, problem);
            if (requirement.kind == PolicyRequirement::Kind::sigstore_signed) needs_signature = false;
        }
    }
    if (needs_signature)
        refuse_image(image, manifest, "a signature is required, and the policy does not ask for one");
}

oci::Image open_trusted_image(const oci::Reference& reference, const std::optional<oci::Platform>& platform,
                              const RegistryOptions& options) {
    oci::Image out = oci::open_image(open_source(reference, platform, options), platform);
    out.limits = options.image_limits;
    check_policy(reference, out.manifest.digest, options);
    return out;
}

std::vector<ImageClaim> claims_by(const PublicKey& key, const std::vector<ImageSignature>& signatures,
                                  const oci::Digest& manifest) {
    std::vector<ImageClaim> out;
    for (const ImageSignature& signature : signatures) {
        if (!is_signed_by(signature, key, manifest)) continue;
        try {
            out.push_back(claim_of(signature, manifest));
        } catch (const Error& error) {
            // The key has signed something else.
            if (error.kind() != ErrorKind::invalid) throw;
        }
    }
    return out;
}

std::vector<ImageClaim> signatures_by(const PublicKey& key, const oci::Reference& image,
                                      const oci::Digest& manifest, const RegistryOptions& options) {
    SignatureReader reader(image, manifest, options);
    std::vector<ImageClaim> out;
    for (std::size_t place = 0; place < reader.places(); ++place) {
        // Signatures at a mirror are copies of those at the registry, which need not be reachable.
        if (!out.empty() && place > 0 && reader.is_mirror(place - 1) && !reader.is_mirror(place)) break;
        try {
            for (ImageClaim& claim : claims_by(key, reader.at(place).signatures, manifest)) {
                const bool is_copy =
                    reader.is_mirror(place) && std::find(out.begin(), out.end(), claim) != out.end();
                if (!is_copy) out.push_back(std::move(claim));
            }
        } catch (const Error& error) {
            if (out.empty()) throw;
            log_warning(concat("not all signatures are read: ", error.message()));
        }
    }
    return out;
}

}  // namespace osb::registry

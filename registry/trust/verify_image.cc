#include "registry/trust/verify_image.hh"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
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

// One image that is checked. Reads its signatures once.
class Checked {
  public:
    Checked(const oci::Reference& image, const oci::Digest& manifest, const RegistryOptions& options)
        : image_(image), manifest_(manifest), options_(options) {}

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
        std::string reason = "it is not signed";
        for (const ImageSignature& signature : signatures()) {
            reason = problem_with(signature, keys, requirement.identity);
            if (reason.empty()) return {};
        }
        return reason;
    }

  private:
    const std::vector<ImageSignature>& signatures() {
        if (!signatures_) signatures_ = read_signatures(image_, manifest_, options_);
        return *signatures_;
    }

    std::string problem_with(const ImageSignature& signature, const std::vector<PublicKey>& keys,
                             const SignedIdentity& identity) const {
        const auto verifies = [&](const PublicKey& key) {
            return key.verifies(signature.payload, signature.signature);
        };
        if (std::none_of(keys.begin(), keys.end(), verifies)) return "no signature is by a key of the policy";
        try {
            const SignedClaim claim = parse_payload(signature.payload);
            if (claim.digest != manifest_)
                return concat("the signature is for another image, ", claim.digest.to_string());
            if (!identity.accepts(docker_name(image_), claim.reference))
                return concat("the signature is for the name ", quoted(claim.reference));
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::invalid) throw;
            return error.message();
        }
        return {};
    }

    const oci::Reference& image_;
    const oci::Digest& manifest_;
    const RegistryOptions& options_;
    std::optional<std::vector<ImageSignature>> signatures_;
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
    check_policy(reference, out.manifest.digest, options);
    return out;
}

std::vector<SignedClaim> signatures_by(const PublicKey& key, const oci::Reference& image,
                                       const oci::Digest& manifest, const RegistryOptions& options) {
    std::vector<SignedClaim> out;
    for (const ImageSignature& signature : read_signatures(image, manifest, options)) {
        if (!key.verifies(signature.payload, signature.signature)) continue;
        try {
            const SignedClaim claim = parse_payload(signature.payload);
            if (claim.digest == manifest) out.push_back(claim);
        } catch (const Error& error) {
            // The key has signed something else.
            if (error.kind() != ErrorKind::invalid) throw;
        }
    }
    return out;
}

}  // namespace osb::registry

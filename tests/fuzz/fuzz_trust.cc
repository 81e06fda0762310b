// containers-policy.json, payloads of signatures, bundles of cosign 3 with their statements, and manifests
// that refer to an image. The first byte selects.
#include <cstdint>
#include <string>
#include <string_view>

#include "oci/documents/artifact.hh"
#include "registry/trust/image_signature.hh"
#include "registry/trust/in_toto_statement.hh"
#include "registry/trust/policy.hh"
#include "registry/trust/signed_identity.hh"
#include "registry/trust/sigstore_bundle.hh"
#include "registry/trust/simple_signing.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

void check_policy_text(std::string_view text) {
    const registry::Policy policy = registry::Policy::parse(text, "policy");
    for (const char* image :
         {"docker://h.example:5000/a/b:1", "docker://a", "oci:/srv/os:1", "docker-archive:/x"}) {
        // There is always a requirement, and nothing that is not understood accepts an image.
        const auto& requirements = policy.requirements_for(oci::Reference::parse(image));
        require(!requirements.empty());
        for (const auto& one : requirements) {
            using Kind = registry::PolicyRequirement::Kind;
            require(one.kind != Kind::unsupported || !one.problem.empty());
            require(one.kind != Kind::sigstore_signed || one.key_paths.size() + one.keys.size() > 0);
        }
    }
}

void check_payload(std::string_view text) {
    const registry::SignedClaim claim = registry::parse_payload(text);
    const std::string again = registry::write_payload(claim, "fuzz");
    const registry::SignedClaim same = registry::parse_payload(again);
    require(same.digest == claim.digest && same.reference == claim.reference &&
            same.timestamp == claim.timestamp);
    accepts([&] {
        const registry::SignedIdentity rule{};
        // A name is accepted only with a tag, and only for its own repository.
        if (rule.accepts("h.example/a:1", claim.reference))
            require(registry::DockerName::parse(claim.reference).to_string() == "h.example/a:1");
    });
}

// The digest of the seeds.
oci::Digest seed_digest() {
    return oci::Digest::from_hex(HashAlgorithm::sha256, std::string(64, 'a'));
}

void check_statement(std::string_view text) {
    const auto name = registry::signed_name(text, seed_digest());
    // It names the digest, and is a signature, not an attestation.
    require(text.find(seed_digest().hex()) != std::string_view::npos ||
            text.find('\\') != std::string_view::npos);
    require(!name || !name->empty());
    const registry::SignedIdentity rule{};
    if (name) accepts([&] { static_cast<void>(rule.accepts("h.example/a:1", *name)); });
}

void check_bundle(std::string_view text) {
    const registry::ImageSignature signature = registry::parse_bundle(text);
    require(signature.form != registry::SignedForm::simple_signing);
    require(text.size() <= registry::kMaxBundle && signature.payload.size() < text.size());
    if (signature.form == registry::SignedForm::statement)
        check_statement(signature.payload);
    else
        static_cast<void>(oci::Digest::parse(signature.payload));
}

void check_artifact(std::string_view text) {
    const oci::Artifact artifact = oci::Artifact::parse(text, oci::kMediaTypeManifest);
    require(artifact.layers.size() <= oci::kMaxLayers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    if (text.empty()) return 0;
    accepts([&] {
        if (text.front() == 'p') check_policy_text(text.substr(1));
        if (text.front() == 's') check_payload(text.substr(1));
        if (text.front() == 'i') check_statement(text.substr(1));
        if (text.front() == 'b') check_bundle(text.substr(1));
        if (text.front() == 'm') check_artifact(text.substr(1));
    });
    return 0;
}

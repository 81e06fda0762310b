// containers-policy.json, and the payload of a signature. The first byte selects.
#include <cstdint>
#include <string>
#include <string_view>

#include "registry/trust/policy.hh"
#include "registry/trust/signed_identity.hh"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    if (text.empty()) return 0;
    accepts([&] {
        if (text.front() == 'p') check_policy_text(text.substr(1));
        if (text.front() == 's') check_payload(text.substr(1));
    });
    return 0;
}

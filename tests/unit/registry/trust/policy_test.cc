// containers-policy.json(5).
#include "registry/trust/policy.hh"

#include <gtest/gtest.h>

#include "base/bytes.hh"
#include "base/error.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using registry::Policy;
using Kind = registry::PolicyRequirement::Kind;

Kind kind_for(const Policy& policy, const std::string& image) {
    return policy.requirements_for(oci::Reference::parse(image)).front().kind;
}

ErrorKind refusal_of(const std::string& text) {
    return thrown_kind([&] { Policy::parse(text, "policy"); });
}

// A policy with this requirement for everything.
std::string with(const std::string& requirement) {
    return R"({"default": [)" + requirement + "]}";
}

TEST(Policy, TheMostSpecificScopeCountsAlone) {
    const Policy policy = Policy::parse(R"({"default": [{"type": "reject"}], "transports": {"docker": {
        "host.example/a/b:tag": [{"type": "insecureAcceptAnything"}],
        "host.example/a": [{"type": "sigstoreSigned", "keyPath": "/key"}],
        "*.example.org": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/key"}],
        "": [{"type": "insecureAcceptAnything"}]}, "oci": {"/srv/images": [{"type": "insecureAcceptAnything"}]}}})",
                                        "policy");
    EXPECT_EQ(kind_for(policy, "docker://host.example/a/b:tag"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "docker://host.example/a/b:other"), Kind::sigstore_signed);
    EXPECT_EQ(kind_for(policy, "docker://host.example/ab:tag"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "docker://sub.host.example.org:5000/x"), Kind::unsupported);
    EXPECT_EQ(kind_for(policy, "docker://example.org/x"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "oci:/srv/images/os:v1"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "oci:/srv/../srv/images/os:v1"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "oci:/srv/imagesx:v1"), Kind::reject);
    EXPECT_EQ(kind_for(policy, "oci-archive:/srv/images/x"), Kind::reject);
}

TEST(Policy, ScopesOfADockerName) {
    const auto scopes = registry::policy_scopes(oci::Reference::parse("docker://h.example.com:5000/a/b"));
    EXPECT_EQ(scopes, (std::vector<std::string>{"h.example.com:5000/a/b:latest", "h.example.com:5000/a/b",
                                                "h.example.com:5000/a", "h.example.com:5000", "*.example.com",
                                                "*.com"}));
}

TEST(Policy, ScopesOfOtherTransports) {
    const Policy policy = Policy::parse(R"({"default": [{"type": "reject"}], "transports": {
        "docker-daemon": {"host.example/a": [{"type": "insecureAcceptAnything"}]},
        "tarball": {"": [{"type": "insecureAcceptAnything"}]}}})",
                                        "policy");
    EXPECT_EQ(kind_for(policy, "docker-daemon:host.example/a/b:tag"), Kind::accept_anything);
    EXPECT_EQ(kind_for(policy, "docker-daemon:host.example/b:tag"), Kind::reject);
    EXPECT_EQ(kind_for(policy, "docker-daemon:sha256:" + std::string(64, 'a')), Kind::reject);
    EXPECT_EQ(kind_for(policy, "tarball:/x.tar"), Kind::accept_anything);
}

TEST(Policy, ScopesThatAreNotLookedUpLetNothingThrough) {
    const Policy policy = Policy::parse(R"({"default": [{"type": "insecureAcceptAnything"}], "transports": {
        "containers-storage": {"host.example/a": [{"type": "reject"}]}}})",
                                        "policy");
    EXPECT_EQ(kind_for(policy, "containers-storage:host.example/a:tag"), Kind::unsupported);
    EXPECT_EQ(kind_for(policy, "containers-storage:host.example/b:tag"), Kind::unsupported);
}

TEST(Policy, AScopeThatNoImageCanHaveIsRefused) {
    for (const char* transport : {"oci", "oci-archive", "dir"}) {
        for (const char* scope : {"/", "relative", "/a/", "/a/../b", "/a//b"}) {
            EXPECT_EQ(refusal_of(concat(R"({"default": [{"type": "reject"}], "transports": {")", transport,
                                        R"(": {")", scope, R"(": [{"type": "reject"}]}}})")),
                      ErrorKind::invalid)
                << transport << scope;
        }
    }
    EXPECT_EQ(refusal_of(R"({"default": [{"type": "reject"}],
                             "transports": {"tarball": {"/a": [{"type": "reject"}]}}})"),
              ErrorKind::invalid);
}

TEST(Policy, IsReadStrictly) {
    for (const char* text :
         {"", "[]", "{}", R"({"default": []})", R"({"default": [{"type": "reject"}], "more": 1})",
          R"({"default": [{"type": "reject"}], "default": [{"type": "reject"}]})",
          R"({"default": [{"type": "reject"}], "transports": {"docker": {"": []}}})"}) {
        EXPECT_EQ(refusal_of(text), ErrorKind::invalid) << text;
    }
    for (const char* requirement :
         {R"({"type": "accept"})", R"({"type": "reject", "more": 1})", R"({"type": "sigstoreSigned"})",
          R"({"type": "sigstoreSigned", "keyPath": "/a", "keyData": "YQ=="})",
          R"({"type": "sigstoreSigned", "keyData": "not Base64!"})",
          R"({"type": "sigstoreSigned", "keyPaths": []})",
          R"({"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "other"}})",
          R"({"type": "sigstoreSigned", "keyPath": "/a", "signedIdentity": {"type": "matchExact", "x": 1}})",
          R"({"type": "sigstoreSigned", "keyPath": "/a",
              "signedIdentity": {"type": "exactReference", "dockerReference": "host/a"}})",
          R"({"type": "sigstoreSigned", "keyPath": "/a",
              "signedIdentity": {"type": "remapIdentity", "prefix": "host/a:tag", "signedPrefix": "b"}})",
          R"({"type": "sigstoreSigned", "keyPath": "/a",
              "signedIdentity": {"type": "remapIdentity", "prefix": "host/a/", "signedPrefix": "b"}})",
          R"({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "more": 1})",
          R"({"type": "sigstoreSigned", "keyPath": "/a",
              "signedIdentity": {"type": "exactRepository", "dockerRepository": "host/a:tag"}})"}) {
        EXPECT_EQ(refusal_of(with(requirement)), ErrorKind::invalid) << requirement;
    }
}

TEST(Policy, UnsupportedRequirementsStayRequirements) {
    for (const char* requirement :
         {R"({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a"})",
          R"({"type": "sigstoreSigned", "keyPath": "/a", "rekorPublicKeyPath": "/b"})",
          R"({"type": "sigstoreSigned", "fulcio": {}, "rekorPublicKeyPath": "/b"})",
          R"({"type": "sigstoreSigned", "pki": {}})"}) {
        const Policy policy = Policy::parse(with(requirement), "policy");
        EXPECT_EQ(kind_for(policy, "docker://host/a"), Kind::unsupported) << requirement;
        EXPECT_FALSE(
            policy.requirements_for(oci::Reference::parse("docker://host/a")).front().problem.empty());
    }
}

TEST(Policy, AMissingFileIsAnErrorIfItWasNamed) {
    const TempDirectory directory;
    EXPECT_EQ(thrown_kind([&] { Policy::read(directory.path() + "/none.json"); }), ErrorKind::not_found);
}

}  // namespace
}  // namespace osb::test

// Keys, payloads and the names in signatures.
#include <gtest/gtest.h>

#include "registry/trust/signed_identity.hh"
#include "registry/trust/signing_key.hh"
#include "registry/trust/simple_signing.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using registry::IdentityRule;
using registry::PrivateKey;
using registry::PublicKey;
using registry::SignedIdentity;

// Made with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, for this test.
constexpr const char* kPrivateKey = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg02QLkiz7lFFwRvgW
Aj6HvLD02F/LNanl6/qawcTDRpyhRANCAARAFx7GCNsXb6JrSZaMsVIPMuve5yZ4
SkesDg7CXne9cwQkoJmaw1TzlXqweAtiO55Aj/68nrf1/SzWR86c0Xi1
-----END PRIVATE KEY-----
)";
constexpr const char* kPublicKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQBcexgjbF2+ia0mWjLFSDzLr3ucm
eEpHrA4Owl53vXMEJKCZmsNU85V6sHgLYjueQI/+vJ639f0s1kfOnNF4tQ==
-----END PUBLIC KEY-----
)";

TEST(SigningKey, SignsAndVerifies) {
    const PrivateKey key = PrivateKey::parse(kPrivateKey, "", "key");
    const PublicKey known = PublicKey::parse(kPublicKey, "key");
    EXPECT_EQ(key.public_key().fingerprint(), known.fingerprint());
    const std::string signature = key.sign("a text");
    EXPECT_TRUE(known.verifies("a text", signature));
    EXPECT_FALSE(known.verifies("another text", signature));
    EXPECT_FALSE(known.verifies("a text", signature.substr(1)));
    EXPECT_FALSE(known.verifies("a text", ""));
}

TEST(SigningKey, RefusesWhatIsNoKey) {
    EXPECT_EQ(thrown_kind([] { PublicKey::parse("no key", "key"); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([] { PublicKey::parse(kPrivateKey, "key"); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind([] { PrivateKey::parse(kPublicKey, "", "key"); }), ErrorKind::invalid);
    EXPECT_EQ(thrown_kind(
                  [] { PrivateKey::parse("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "x", "key"); }),
              ErrorKind::unsupported);
}

// RFC 8032, section 7.1, test 2.
constexpr const char* kEd25519Secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
constexpr const char* kEd25519Public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";

std::string bytes_of_hex(std::string_view hex) {
    const Sha256 bytes = parse_sha256(std::string(hex));
    return std::string(as_text(bytes));
}

TEST(SigningKey, RawEd25519Keys) {
    const std::string secret = bytes_of_hex(kEd25519Secret);
    const std::string raw = bytes_of_hex(kEd25519Public);
    const PrivateKey key = PrivateKey::from_ed25519(secret + raw, "key");
    const PublicKey known = PublicKey::from_ed25519(raw, "key");
    EXPECT_EQ(known.ed25519_bytes(), raw);
    EXPECT_EQ(key.public_key().ed25519_bytes(), raw);
    const std::string signature = key.sign("r");
    EXPECT_EQ(to_hex(as_bytes(signature)),
              "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
              "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    EXPECT_TRUE(known.verifies("r", signature));
    EXPECT_FALSE(known.verifies("s", signature));
    EXPECT_EQ(PublicKey::parse(kPublicKey, "key").ed25519_bytes(), std::nullopt);
    for (const std::string& bad : {std::string(), secret, raw + secret, secret + secret, secret + raw + "x"})
        EXPECT_EQ(thrown_kind([&] { PrivateKey::from_ed25519(bad, "key"); }), ErrorKind::invalid);
    for (const std::string& bad : {std::string(), raw.substr(1), raw + "x"})
        EXPECT_EQ(thrown_kind([&] { PublicKey::from_ed25519(bad, "key"); }), ErrorKind::invalid);
}

std::string payload_with(const std::string& critical, const std::string& optional = "null") {
    return R"({"critical":)" + critical + R"(,"optional":)" + optional + "}";
}

std::string critical_with(const std::string& image,
                          const std::string& identity = R"({"docker-reference":"h/a:1"})",
                          const std::string& type = "cosign container image signature") {
    return R"({"identity":)" + identity + R"(,"image":)" + image + R"(,"type":")" + type + R"("})";
}

const std::string kImage = R"({"docker-manifest-digest":"sha256:)" + std::string(64, 'a') + R"("})";

TEST(SimpleSigning, IsWrittenAndRead) {
    const oci::Digest digest = oci::Digest::of(as_bytes("x"));
    const std::string text = registry::write_payload(
        {.digest = digest, .reference = "host.example/os:1", .timestamp = 1700000000}, "a \"test\"");
    const registry::SignedClaim claim = registry::parse_payload(text);
    EXPECT_EQ(claim.digest, digest);
    EXPECT_EQ(claim.reference, "host.example/os:1");
    EXPECT_EQ(claim.timestamp, 1700000000);
    EXPECT_EQ(registry::parse_payload(payload_with(critical_with(kImage))).timestamp, std::nullopt);
    EXPECT_EQ(registry::parse_payload(payload_with(critical_with(kImage), R"({"more":[1]})")).reference,
              "h/a:1");
}

TEST(SimpleSigning, IsReadStrictly) {
    for (const std::string& text :
         {std::string("x"), std::string("{}"), payload_with("{}"), payload_with("null"),
          payload_with(critical_with("{}")), payload_with(critical_with(R"({"Docker-manifest-digest":"x"})")),
          payload_with(critical_with(R"({"docker-manifest-digest":"sha256:1"})")),
          payload_with(critical_with(kImage, R"({"docker-reference":1})")),
          payload_with(critical_with(kImage, R"({"docker-reference":"a","more":1})")),
          payload_with(critical_with(kImage, R"({"docker-reference":"a"})", "attestation")),
          payload_with(critical_with(kImage), "1"),
          payload_with(critical_with(kImage), R"({"timestamp":"now"})"),
          payload_with(critical_with(kImage)) + "x",
          R"({"optional":null,)" + payload_with(critical_with(kImage)).substr(1)}) {
        EXPECT_EQ(thrown_kind([&] { registry::parse_payload(text); }), ErrorKind::invalid) << text;
    }
}

struct IdentityCase {
    SignedIdentity rule;
    const char* image;
    const char* signed_name;
    bool accepted;
};

TEST(SignedIdentity, Rules) {
    const std::string digest = "@sha256:" + std::string(64, 'a');
    const std::string by_digest = "h.example/a" + digest;
    const SignedIdentity exact{.rule = IdentityRule::match_exact};
    const SignedIdentity usual{};
    const SignedIdentity repository{.rule = IdentityRule::match_repository};
    const SignedIdentity reference{.rule = IdentityRule::exact_reference, .operand = "h.example/b:1"};
    const SignedIdentity reference_by_digest{.rule = IdentityRule::exact_reference, .operand = by_digest};
    const SignedIdentity other{.rule = IdentityRule::exact_repository, .operand = "h.example/b"};
    const SignedIdentity remap{
        .rule = IdentityRule::remap_identity, .operand = "mirror.example/x", .signed_prefix = "h.example"};
    for (const IdentityCase& one : std::vector<IdentityCase>{
             {exact, "h.example/a:1", "h.example/a:1", true},
             {exact, "h.example/a", "h.example/a:latest", true},
             {exact, "h.example/a:1", "h.example/a:2", false},
             {exact, "h.example/a:1", "h.example/a", false},
             {exact, by_digest.c_str(), "h.example/a:1", false},
             {exact, by_digest.c_str(), by_digest.c_str(), true},
             {usual, "h.example/a:1", "h.example/a:1", true},
             {usual, "h.example/a:1", "h.example/a:2", false},
             {usual, by_digest.c_str(), "h.example/a:1", true},
             {usual, by_digest.c_str(), "h.example/b:1", false},
             {usual, "", "h.example/a:1", false},
             {repository, "h.example/a:1", "h.example/a:2", true},
             {repository, "h.example/a:1", "h.example/a", true},
             {repository, "h.example/a:1", "h.example/ab", false},
             {reference, "anything/a:1", "h.example/b:1", true},
             {reference, "", "h.example/b:1", true},
             {reference, "", "h.example/b:2", false},
             {reference_by_digest, "", by_digest.c_str(), true},
             {reference_by_digest, "", "h.example/a:1", false},
             {other, "", "h.example/b:2", true},
             {other, "", "h.example/a:2", false},
             {remap, "mirror.example/x/a:1", "h.example/a:1", true},
             {remap, "mirror.example/xy/a:1", "h.example/a:1", false},
             {remap, "h.example/a:1", "h.example/a:1", true},
         }) {
        EXPECT_EQ(one.rule.accepts(one.image, one.signed_name), one.accepted)
            << one.image << ' ' << one.signed_name;
    }
    EXPECT_EQ(thrown_kind([&] { static_cast<void>(usual.accepts("h.example/a:1", "no name!")); }),
              ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::test

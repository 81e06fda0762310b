// Signatures in manifests that refer to an image, in a fake registry.
#include "registry/trust/referrer_signatures.hh"

#include <gtest/gtest.h>

#include "oci/documents/manifest_writer.hh"
#include "oci/documents/signature_tag.hh"
#include "registry/trust/image_signatures.hh"
#include "registry/trust/sigstore_bundle.hh"
#include "registry/trust/simple_signing.hh"
#include "registry/trust/verify_image.hh"
#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/registry/registry_fixture.hh"
#include "tests/unit/registry/trust/signing_fixture.hh"

namespace osb::registry {
namespace {

constexpr const char* kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr const char* kSigType = "application/vnd.dev.cosign.artifact.sig.v1+json";
constexpr const char* kSimpleType = "application/vnd.dev.cosign.simplesigning.v1+json";

class ReferrerSignaturesTest : public RegistryTest {
  protected:
    ReferrerSignaturesTest() {
        given_.tls_verify = false;
        given_.limits = quick_limits();
        given_.retry = {.max_tries = 2,
                        .first_delay = std::chrono::milliseconds(1),
                        .max_delay = std::chrono::milliseconds(1)};
    }

    oci::Reference image() { return oci::Reference::parse("docker://" + fake.host() + "/repo:1"); }
    const oci::Digest& digest() const { return digest_; }

    static std::string text_of(const oci::Descriptor& one, const std::string& more = "") {
        return R"({"mediaType":")" + one.media_type + R"(","digest":")" + one.digest.to_string() +
               R"(","size":)" + std::to_string(one.size) + more + "}";
    }

    // Stores a referrer with these layers. Returns its manifest.
    std::string add(const std::string& layers, const std::string& type,
                    const std::optional<oci::Digest>& subject = std::nullopt) {
        const oci::Descriptor config = oci::describe(oci::kMediaTypeEmpty, "{}");
        store_->add_blob("{}");
        const std::string raw =
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":")" +
            type + R"(","config":)" + text_of(config) + R"(,"layers":[)" + layers +
            R"(],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")" +
            subject.value_or(digest()).to_string() + "\"}}";
        store_->add_manifest("", raw, std::string(oci::kMediaTypeManifest));
        return raw;
    }
    std::string layer(const std::string& content, const std::string& type = kBundleType,
                      const std::string& more = "") {
        store_->add_blob(content);
        return text_of(oci::describe(type, content), more);
    }
    std::string add_bundle(const std::string& bundle) { return add(layer(bundle), kBundleType); }

    FoundSignatures read(std::size_t limit = 100) {
        return read_referrer_signatures(image(), digest(), limit, given_);
    }
    std::size_t valid() { return claims_by(test::public_key(), read().signatures, digest()).size(); }

    RegistryOptions given_;
    test::FakeRegistry* store_ = &fake;  // where signatures are added
    oci::Digest digest_ = oci::Digest::of(as_bytes("the manifest"));
};

TEST_F(ReferrerSignaturesTest, ReadsABundleThroughTheApi) {
    EXPECT_EQ(valid(), 0U);
    add_bundle(test::signed_bundle(test::statement_of(digest())));
    EXPECT_EQ(valid(), 1U);
    // signatures_by() looks in both places.
    EXPECT_EQ(signatures_by(test::public_key(), image(), digest(), given_).size(), 1U);
}

TEST_F(ReferrerSignaturesTest, ReadsABundleThroughTheTag) {
    fake.referrers = false;
    const std::string raw = add_bundle(test::signed_bundle(test::statement_of(digest())));
    EXPECT_EQ(valid(), 0U);
    // Older libraries list the type of the config in the place of the artifact's, or nothing.
    for (const std::string& type :
         {std::string(kBundleType), std::string(oci::kMediaTypeEmpty), std::string()}) {
        const std::string more = type.empty() ? "" : R"(,"artifactType":")" + type + "\"";
        fake.add_manifest(oci::referrers_tag(digest()),
                          R"({"schemaVersion":2,"manifests":[)" +
                              text_of(oci::describe(oci::kMediaTypeManifest, raw), more) + "]}",
                          std::string(oci::kMediaTypeIndex));
        EXPECT_EQ(valid(), 1U) << type;
    }
}

TEST_F(ReferrerSignaturesTest, ReadsPayloadsOfTheOlderForm) {
    const std::string payload =
        write_payload({.digest = digest(), .reference = "h.example/a:1", .timestamp = std::nullopt}, "test");
    const std::string annotation = R"(,"annotations":{"dev.cosignproject.cosign/signature":")" +
                                   encode_base64(test::signing_key().sign(payload)) + "\"}";
    add(layer(payload, kSimpleType, annotation) + "," + layer("other", kSimpleType), kSigType);
    const auto claims = claims_by(test::public_key(), read().signatures, digest());
    ASSERT_EQ(claims.size(), 1U);
    EXPECT_EQ(claims[0].reference, "h.example/a:1");
}

TEST_F(ReferrerSignaturesTest, ItMustReferToTheManifest) {
    // The registry lists it, but it is about another image; so is a bundle that is listed for this one.
    const oci::Digest other = oci::Digest::of(as_bytes("another manifest"));
    const std::string raw = add(layer(test::signed_bundle(test::statement_of(digest()))), kBundleType, other);
    fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        return test::FakeResponse{.body = R"({"schemaVersion":2,"manifests":[)" +
                                          text_of(oci::describe(oci::kMediaTypeManifest, raw)) + "]}"};
    };
    EXPECT_TRUE(read().signatures.empty());
    fake.before = nullptr;
    add_bundle(test::signed_bundle(test::statement_of(other)));
    EXPECT_EQ(read().signatures.size(), 1U);
    EXPECT_EQ(valid(), 0U);
}

TEST_F(ReferrerSignaturesTest, OddReferrersDoNotHideTheOthers) {
    add_bundle("not JSON");
    add_bundle(R"({"mediaType":"x","mediaType":"x"})");
    add_bundle(test::signed_bundle(test::statement_of(digest())) + std::string(kMaxBundle, ' '));
    add(text_of(oci::describe(kBundleType, "missing")), kBundleType);
    add(layer("a") + "," + layer("b"), kBundleType);  // two layers
    add(R"({"mediaType":"x"})", kBundleType);
    add_bundle(test::signed_bundle(test::statement_of(digest(), "", "https://slsa.dev/provenance/v1")));
    EXPECT_EQ(valid(), 0U);
    EXPECT_FALSE(read().problem.empty());
    add_bundle(test::signed_bundle(test::statement_of(digest())));
    EXPECT_EQ(valid(), 1U);
}

TEST_F(ReferrerSignaturesTest, OtherArtifactsAreNotFetched) {
    add(layer("{}", "application/spdx+json"), "application/spdx+json");
    EXPECT_EQ(valid(), 0U);
    EXPECT_EQ(fake.count("GET", "/manifests/sha256:"), 0U);
    // Nor what the list names as an attestation.
    const std::string raw = add_bundle("x");
    fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        return test::FakeResponse{
            .body = R"({"schemaVersion":2,"manifests":[)" +
                    text_of(oci::describe(oci::kMediaTypeManifest, raw),
                            R"(,"annotations":{"dev.sigstore.bundle.predicateType":"https://slsa.dev/x"})") +
                    "]}"};
    };
    EXPECT_EQ(valid(), 0U);
    EXPECT_EQ(fake.count("GET", "/manifests/sha256:"), 0U);
}

TEST_F(ReferrerSignaturesTest, TheNumberIsBounded) {
    for (int i = 0; i < 120; ++i) add_bundle("bundle " + std::to_string(i));
    fake.page = 1000;
    EXPECT_TRUE(read().signatures.empty());
    EXPECT_EQ(fake.count("GET", "/manifests/sha256:"), kMaxReferrers);
}

TEST_F(ReferrerSignaturesTest, TheLimitCountsSignatures) {
    for (int i = 0; i < 5; ++i)
        add_bundle(test::signed_bundle(
            test::statement_of(digest(), R"(,"name":"h.example/a:)" + std::to_string(i) + "\"")));
    EXPECT_EQ(read().signatures.size(), 5U);
    EXPECT_EQ(read(3).signatures.size(), 3U);
    EXPECT_EQ(read(0).signatures.size(), 0U);
}

TEST_F(ReferrerSignaturesTest, AFailureIsNotAnAnswer) {
    add_bundle(test::signed_bundle(test::statement_of(digest())));
    for (const char* part : {"/referrers/", "/manifests/sha256:", "/blobs/"}) {
        for (const int status : {500, 503, 403}) {
            fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
                if (r.path.find(part) == std::string::npos) return std::nullopt;
                return test::FakeResponse{.status = status};
            };
            EXPECT_EQ(failure_of([&] { read(); }).first, ErrorKind::unavailable) << part << status;
        }
    }
    fake.referrers = false;
    fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
        if (r.path.find("/manifests/sha256-") == std::string::npos) return std::nullopt;
        return test::FakeResponse{.status = 500};
    };
    EXPECT_EQ(failure_of([&] { read(); }).first, ErrorKind::unavailable);
}

TEST_F(ReferrerSignaturesTest, AMalformedListIsAnError) {
    for (const char* body : {"x", "{}", R"({"schemaVersion":2,"manifests":[],"manifests":[]})",
                             R"({"schemaVersion":2,"manifests":[{}]})"}) {
        fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
            if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
            return test::FakeResponse{.body = body};
        };
        EXPECT_EQ(failure_of([&] { read(); }).first, ErrorKind::invalid) << body;
    }
}

class TagSignaturesTest : public ReferrerSignaturesTest {
  protected:
    // A layer with a signature by the key.
    std::string signed_layer(bool stored = true) {
        const std::string payload = write_payload(
            {.digest = digest(), .reference = "h.example/a:1", .timestamp = std::nullopt}, "test");
        const std::string text = stored ? payload : payload + " ";
        const std::string more = R"(,"annotations":{"dev.cosignproject.cosign/signature":")" +
                                 encode_base64(test::signing_key().sign(text)) + "\"}";
        return stored ? layer(text, kSimpleType, more) : text_of(oci::describe(kSimpleType, text), more);
    }
    void tag(const std::string& raw) {
        store_->add_manifest(oci::signature_tag(digest()), raw, std::string(oci::kMediaTypeManifest));
    }
    void tag_layers(const std::string& layers) {
        tag(R"({"schemaVersion":2,"config":)" + text_of(oci::describe(oci::kMediaTypeConfig, "{}")) +
            R"(,"layers":[)" + layers + "]}");
    }
    std::size_t found() { return signatures_by(test::public_key(), image(), digest(), given_).size(); }
};

TEST_F(TagSignaturesTest, ABadLayerDoesNotHideTheOthers) {
    tag_layers(signed_layer(false) + "," + signed_layer());
    EXPECT_EQ(found(), 1U);
    const FoundSignatures read = read_tag_signatures(image(), digest(), given_);
    EXPECT_EQ(read.signatures.size(), 1U);
    EXPECT_NE(read.problem.find("payload sha256:"), std::string::npos) << read.problem;
    // A registry that fails is no answer.
    fake.before = [&](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
        if (r.path.find("/blobs/") == std::string::npos) return std::nullopt;
        return test::FakeResponse{.status = 500};
    };
    EXPECT_EQ(failure_of([&] { read_tag_signatures(image(), digest(), given_); }).first,
              ErrorKind::unavailable);
}

TEST_F(TagSignaturesTest, AMalformedListDoesNotHideBundles) {
    add_bundle(test::signed_bundle(test::statement_of(digest())));
    for (const char* bad : {"{}", R"({"schemaVersion":2,"layers":[{}]})"}) {
        tag(bad);
        EXPECT_EQ(found(), 1U) << bad;
        EXPECT_NE(read_tag_signatures(image(), digest(), given_).problem, "") << bad;
    }
}

// The registry, and a mirror of it.
class MirrorSignaturesTest : public TagSignaturesTest {
  protected:
    MirrorSignaturesTest() {
        test::put_file(directory_ / "registries.conf", "[[registry]]\nprefix=\"" + fake.host() +
                                                           "\"\n[[registry.mirror]]\nlocation=\"" +
                                                           mirror.host() + "\"\n");
        ::setenv("CONTAINERS_REGISTRIES_CONF", (directory_ / "registries.conf").c_str(), 1);
    }
    ~MirrorSignaturesTest() override { ::unsetenv("CONTAINERS_REGISTRIES_CONF"); }
    void TearDown() override {
        mirror.stop();
        TagSignaturesTest::TearDown();
    }

    void fail(test::FakeRegistry& registry) {
        registry.before = [](const test::FakeRequest&) { return test::FakeResponse{.status = 500}; };
    }
    std::string valid_bundle() { return test::signed_bundle(test::statement_of(digest())); }
    // In both places, and all of them wrong.
    void add_junk() {
        add_bundle("junk");
        add_bundle(test::bundle_with(test::envelope_with(test::statement_of(digest()), "a signature")));
        const std::string more = R"(,"annotations":{"dev.cosignproject.cosign/signature":"eA=="})";
        std::string layers;
        for (std::size_t i = 0; i < kMaxSignatures + 1; ++i) {
            layers += (i == 0 ? "" : ",") + layer("junk " + std::to_string(i), kSimpleType, more);
        }
        tag_layers(layers);
    }

    test::TempDirectory directory_;
    test::FakeRegistry mirror;
};

TEST_F(MirrorSignaturesTest, AMirrorHidesNothing) {
    for (const bool is_tag : {true, false}) {
        SCOPED_TRACE(is_tag);
        store_ = &fake;
        if (is_tag) {
            tag_layers(signed_layer());
        } else {
            fake.remove_tags();
            add_bundle(valid_bundle());
        }
        mirror.before = nullptr;
        EXPECT_EQ(found(), 1U);  // the mirror has none, or those of the last round
        store_ = &mirror;
        if (is_tag) add_junk();
        EXPECT_EQ(found(), 1U);
        mirror.before = [](const test::FakeRequest& r) -> std::optional<test::FakeResponse> {
            if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
            return test::FakeResponse{.body = "not JSON"};
        };
        EXPECT_EQ(found(), 1U);
        fail(mirror);
        EXPECT_EQ(found(), 1U);
    }
}

TEST_F(MirrorSignaturesTest, TheRegistryIsNotNeededForWhatTheMirrorHas) {
    fail(fake);
    store_ = &mirror;
    add_bundle(valid_bundle());
    EXPECT_EQ(found(), 1U);
    tag_layers(signed_layer());
    EXPECT_EQ(found(), 2U);
    EXPECT_EQ(fake.requests().size(), 0U);
}

TEST_F(MirrorSignaturesTest, AFailureOfTheRegistryIsNotAnAnswer) {
    fail(fake);
    store_ = &mirror;
    EXPECT_EQ(failure_of([&] { found(); }).first, ErrorKind::unavailable);
    add_junk();
    EXPECT_EQ(failure_of([&] { found(); }).first, ErrorKind::unavailable);
}

TEST_F(MirrorSignaturesTest, WritingKeepsWhatTheRegistryHas) {
    tag_layers(signed_layer());
    store_ = &mirror;
    add_junk();
    add_signature(image(), digest(), {.payload = "{}", .signature = "s"}, given_);
    mirror.stop();
    EXPECT_EQ(read_tag_signatures(image(), digest(), given_).signatures.size(), 2U);
    EXPECT_EQ(found(), 1U);
}

// A policy for everything that requires the key, with more members.
std::string policy_with(const std::string& more) {
    return R"({"default":[{"type":"sigstoreSigned","keyData":")" +
           encode_base64(std::string_view(test::kPublicKey)) + "\"" + more + "}]}";
}

class BundlePolicyTest : public ReferrerSignaturesTest {
  protected:
    // "" if the policy accepts the image.
    std::string refusal(const std::string& more, const std::string& image_name = "") {
        test::TempDirectory directory;
        given_.policy = directory / "policy.json";
        test::put_file(given_.policy, policy_with(more));
        const oci::Reference name = image_name.empty() ? image() : oci::Reference::parse(image_name);
        try {
            check_policy(name, digest(), given_);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::untrusted) << error.message();
            return error.message();
        }
        return "";
    }
    std::string name() { return fake.host() + "/repo"; }
    static std::string identity(const std::string& value) {
        return R"(,"signedIdentity":{"type":)" + value + "}";
    }
};

TEST_F(BundlePolicyTest, WithoutANameItFitsNoRuleForNames) {
    add_bundle(test::signed_bundle(test::statement_of(digest())));
    for (const std::string& rule :
         {std::string(), identity("\"matchExact\""), identity("\"matchRepoDigestOrExact\""),
          identity("\"matchRepository\""), identity(R"("exactReference","dockerReference":"h.example/a:1")"),
          identity(R"("exactRepository","dockerRepository":")" + name() + "\""),
          identity(R"("remapIdentity","prefix":"h.example","signedPrefix":"i.example")")}) {
        EXPECT_NE(refusal(rule).find("proves the digest only"), std::string::npos) << rule;
        EXPECT_NE(refusal(rule, "docker://" + name() + "@" + digest().to_string()), "") << rule;
    }
    EXPECT_EQ(refusal(identity("\"matchDigest\"")), "");
    EXPECT_EQ(refusal(identity("\"matchDigest\""), "docker://" + name() + "@" + digest().to_string()), "");
    given_.require_signature = true;
    EXPECT_EQ(refusal(identity("\"matchDigest\"")), "");
}

TEST_F(BundlePolicyTest, WithANameItIsAsAPayload) {
    add_bundle(test::signed_bundle(
        test::statement_of(digest(), R"(,"annotations":{"docker-reference":")" + name() + ":1\"}")));
    EXPECT_EQ(refusal(""), "");
    EXPECT_EQ(refusal(identity("\"matchExact\"")), "");
    EXPECT_EQ(refusal(identity("\"matchRepository\""), "docker://" + name() + ":2"), "");
    EXPECT_NE(refusal("", "docker://" + name() + ":2").find("is for the name"), std::string::npos);
    EXPECT_NE(refusal(identity(R"("exactRepository","dockerRepository":"h.example/a")")), "");
}

TEST_F(BundlePolicyTest, NamesTheReason) {
    EXPECT_NE(refusal("").find("it is not signed"), std::string::npos);
    add_bundle("x");
    EXPECT_NE(refusal("").find("skipped: referrer sha256:"), std::string::npos);
    add_bundle(test::bundle_with(test::envelope_with(test::statement_of(digest()), "a signature")));
    EXPECT_NE(refusal("").find("no signature is by a key"), std::string::npos);
    // The reason of the signature by the key wins over those of others.
    add_bundle(test::signed_bundle(test::statement_of(digest(), "", "https://slsa.dev/provenance/v1")));
    EXPECT_NE(refusal("").find("attestation ('https://slsa.dev/provenance/v1')"), std::string::npos);
    add_bundle(test::bundle_with(test::envelope_with(test::statement_of(digest()), "another signature")));
    EXPECT_NE(refusal("").find("attestation"), std::string::npos);
}

}  // namespace
}  // namespace osb::registry

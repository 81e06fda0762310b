// Bundles of cosign 3, and the statements in them.
#include "registry/trust/sigstore_bundle.hh"

#include <gtest/gtest.h>

#include <vector>

#include "registry/trust/in_toto_statement.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/registry/trust/signing_fixture.hh"

namespace osb::test {
namespace {

using registry::claim_of;
using registry::ImageSignature;
using registry::is_signed_by;
using registry::parse_bundle;
using registry::SignedForm;

constexpr const char* kSignedManifest = R"({"schemaVersion":2})";
// By openssl: over the envelope with statement_of(kSignedManifest), and over kSignedManifest itself.
constexpr const char* kEnvelopeSignature =
    "MEQCICzP/UVyqj7P+OLnKzu8oFihd7BHxZfFyCu8xJrNsJKCAiA2Q3L09GlYN06V4vjg3QxMTkjQDis2p9/ElQybAtYdjg==";
constexpr const char* kManifestSignature =
    "MEQCIHO58Ay9lMo7e/i7RpM2XJblF6jlAjR4+HI+J2gJbn2iAiAuyIcGu+EJbZTC7JH1CeWDQ+k5BxY2vfLbZLpkSWfm2w==";

oci::Digest signed_digest() {
    return oci::Digest::of(as_bytes(kSignedManifest));
}

std::string message_with(const oci::Digest& digest, const std::string& signature,
                         const std::string& algorithm = "SHA2_256") {
    const Sha256 hash = parse_sha256(digest.hex());
    return R"("messageSignature":{"messageDigest":{"algorithm":")" + algorithm + R"(","digest":")" +
           encode_base64(ByteView(hash)) + R"("},"signature":")" + signature + "\"}";
}

TEST(SigstoreBundle, HasAStatementThatOpensslSigned) {
    const std::string envelope =
        envelope_with(statement_of(signed_digest()), decode_base64(kEnvelopeSignature).value());
    for (const char* type : {"application/vnd.dev.sigstore.bundle.v0.3+json",
                             "application/vnd.dev.sigstore.bundle+json;version=0.3",
                             "application/vnd.dev.sigstore.bundle+json;version=0.2",
                             "application/vnd.dev.sigstore.bundle+json;version=0.1"}) {
        const ImageSignature signature = parse_bundle(bundle_with(envelope, type));
        EXPECT_EQ(signature.form, SignedForm::statement);
        EXPECT_TRUE(is_signed_by(signature, public_key(), signed_digest()));
        const registry::ImageClaim claim = claim_of(signature, signed_digest());
        EXPECT_EQ(claim.reference, std::nullopt);
        EXPECT_EQ(claim.timestamp, std::nullopt);
        EXPECT_EQ(thrown_kind([&] { claim_of(signature, oci::Digest::of(as_bytes("other"))); }),
                  ErrorKind::invalid);
    }
}

TEST(SigstoreBundle, IsRefusedAfterAChange) {
    ImageSignature signature = parse_bundle(signed_bundle(statement_of(signed_digest())));
    EXPECT_TRUE(is_signed_by(signature, public_key(), signed_digest()));
    signature.payload += ' ';
    EXPECT_FALSE(is_signed_by(signature, public_key(), signed_digest()));
    // A signature of the bare statement is not one of the envelope.
    const std::string statement = statement_of(signed_digest());
    signature = parse_bundle(bundle_with(envelope_with(statement, signing_key().sign(statement))));
    EXPECT_FALSE(is_signed_by(signature, public_key(), signed_digest()));
}

TEST(SigstoreBundle, HasASignatureOfTheManifest) {
    const ImageSignature signature =
        parse_bundle(bundle_with(message_with(signed_digest(), kManifestSignature)));
    EXPECT_EQ(signature.form, SignedForm::manifest);
    EXPECT_TRUE(is_signed_by(signature, public_key(), signed_digest()));
    EXPECT_EQ(claim_of(signature, signed_digest()).reference, std::nullopt);
    const oci::Digest other = oci::Digest::of(as_bytes("other"));
    EXPECT_FALSE(is_signed_by(signature, public_key(), other));
    EXPECT_EQ(thrown_kind([&] { claim_of(signature, other); }), ErrorKind::invalid);
    // The digest that the bundle names is a hint alone.
    const ImageSignature lying = parse_bundle(bundle_with(message_with(other, kManifestSignature)));
    EXPECT_FALSE(is_signed_by(lying, public_key(), other));
    EXPECT_EQ(thrown_kind([&] { claim_of(lying, signed_digest()); }), ErrorKind::invalid);
    EXPECT_FALSE(
        is_signed_by(signature, public_key(), oci::Digest::of(as_bytes("x"), HashAlgorithm::sha512)));
}

TEST(SigstoreBundle, IsReadStrictly) {
    const std::string envelope = envelope_with("{}", "s");
    const std::string message = message_with(signed_digest(), "cw==");
    const std::string good = bundle_with(envelope);
    EXPECT_EQ(parse_bundle(good).payload, "{}");
    const std::string no_signature = R"("dsseEnvelope":{"payload":"e30=","payloadType":)"
                                     R"("application/vnd.in-toto+json","signatures":[]})";
    std::string two = envelope;
    two.insert(two.find("[{") + 1, R"({"sig":"cw=="},)");
    for (const std::string& text : std::vector<std::string>{
             "", "x", "[]", "null", "{}", good + "x", bundle_with(envelope + "," + message),
             bundle_with(R"("other":1)"), bundle_with(envelope + R"(,"other":1)"), bundle_with(no_signature),
             bundle_with(R"("dsseEnvelope":[])"), bundle_with(R"("dsseEnvelope":{"payload":"e30="})"),
             bundle_with(R"("messageSignature":{"signature":"cw=="})"),
             bundle_with(R"("messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"cw=="},)"
                         R"("signature":"cw=="})"),
             bundle_with(envelope + R"(,"verificationMaterial":{})"),  // twice
             bundle_with(envelope + "," + envelope), "{\"mediaType\":1," + good.substr(1),
             R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",)" + envelope + "}",
             bundle_with(R"("dsseEnvelope":{"payload":"e30","payloadType":"application/vnd.in-toto+json",)"
                         R"("signatures":[{"sig":"cw=="}]})")}) {
        EXPECT_EQ(thrown_kind([&] { parse_bundle(text); }), ErrorKind::invalid) << text;
    }
    for (const std::string& text : {bundle_with(envelope, "application/vnd.dev.sigstore.bundle.v0.4+json"),
                                    bundle_with(envelope, "application/json"),
                                    bundle_with(envelope_with("{}", "s", "application/json")),
                                    bundle_with(message_with(signed_digest(), "cw==", "SHA2_384"))}) {
        EXPECT_EQ(thrown_kind([&] { parse_bundle(text); }), ErrorKind::unsupported) << text;
    }
    EXPECT_EQ(thrown_kind([&] { parse_bundle(bundle_with(two)); }), ErrorKind::too_large);
    EXPECT_EQ(thrown_kind([&] { parse_bundle(good + std::string(registry::kMaxBundle, ' ')); }),
              ErrorKind::too_large);
}

TEST(SigstoreBundle, MayHaveOtherMaterial) {
    // A certificate and an entry of a log: the signature counts by the key alone.
    const std::string text =
        R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":)"
        R"({"certificate":{"rawBytes":"eA=="},"tlogEntries":[{"logIndex":"1"}],)"
        R"("timestampVerificationData":{}},)" +
        envelope_with(statement_of(signed_digest()), decode_base64(kEnvelopeSignature).value()) + "}";
    EXPECT_TRUE(is_signed_by(parse_bundle(text), public_key(), signed_digest()));
}

TEST(InTotoStatement, NamesTheImageOrNot) {
    const oci::Digest digest = signed_digest();
    const auto name = [&](const std::string& more) {
        return registry::signed_name(statement_of(digest, more), digest);
    };
    EXPECT_EQ(name(""), std::nullopt);
    EXPECT_EQ(name(R"(,"name":"")"), std::nullopt);
    EXPECT_EQ(name(R"(,"name":null,"annotations":null)"), std::nullopt);
    EXPECT_EQ(name(R"(,"annotations":{"other":[1]})"), std::nullopt);
    EXPECT_EQ(name(R"(,"name":"h.example/a:1")"), "h.example/a:1");
    EXPECT_EQ(name(R"(,"annotations":{"docker-reference":"h.example/a:1"})"), "h.example/a:1");
    EXPECT_EQ(name(R"(,"name":"h.example/a:1","annotations":{"docker-reference":"h.example/a:1"})"),
              "h.example/a:1");
    for (const char* more :
         {R"(,"name":"h.example/a:1","annotations":{"docker-reference":"h.example/a:2"})", R"(,"name":1)",
          R"(,"annotations":[])", R"(,"annotations":{"docker-reference":1})", R"(,"more":1)",
          R"(,"name":"a","name":"a")"})
        EXPECT_EQ(thrown_kind([&] { name(more); }), ErrorKind::invalid) << more;
}

TEST(InTotoStatement, TheNameIsThatOfTheImagesSubject) {
    const oci::Digest digest = signed_digest();
    const std::string other = R"({"name":"h.example/other:1","digest":{"sha256":")" + std::string(64, 'a') +
                              R"(","sha512":")" + std::string(128, 'b') + "\"}},";
    std::string statement = statement_of(digest, R"(,"name":"h.example/a:1")");
    statement.insert(statement.find("[{") + 1, other);
    EXPECT_EQ(registry::signed_name(statement, digest), "h.example/a:1");
}

TEST(InTotoStatement, AnAttestationIsNoSignature) {
    const oci::Digest digest = signed_digest();
    for (const char* predicate :
         {"https://slsa.dev/provenance/v1", "https://cosign.sigstore.dev/attestation/v1",
          "https://sigstore.dev/cosign/sign/v2", "https://sigstore.dev/cosign/sign/v1/", ""}) {
        const ImageSignature signature = parse_bundle(signed_bundle(statement_of(digest, "", predicate)));
        EXPECT_TRUE(is_signed_by(signature, public_key(), digest));
        EXPECT_EQ(thrown_kind([&] { claim_of(signature, digest); }), ErrorKind::invalid) << predicate;
    }
}

TEST(InTotoStatement, IsReadStrictly) {
    const oci::Digest digest = signed_digest();
    const std::string good = statement_of(digest);
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string out = good;
        return out.replace(out.find(from), from.size(), to);
    };
    for (const std::string& text :
         {std::string("x"), std::string("[]"), std::string("{}"), good + "x",
          with("Statement/v1", "Statement/v0.1"), with("\"subject\"", "\"subjects\""), with("[{", "[1,{"),
          with("\"predicate\"", "\"more\""), with("\"sha256\"", "\"sha512\""),
          with(digest.hex(), std::string(64, 'A')),
          with("\"predicateType\"", R"("subject":[],"predicateType")"),
          with("\"sha256\":", "\"sha256\":1,\"x\":")})
        EXPECT_EQ(thrown_kind([&] { registry::signed_name(text, digest); }), ErrorKind::invalid) << text;
}

}  // namespace
}  // namespace osb::test

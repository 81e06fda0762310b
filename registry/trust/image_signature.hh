// One signature of an image, in any of the forms that cosign makes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/digest.hh"
#include "registry/trust/signing_key.hh"

namespace osb::registry {

// The text that a signature is over.
enum class SignedForm {
    simple_signing,  // a payload of "simple signing" (registry/trust/simple_signing.hh)
    statement,       // an envelope with an in-toto statement (registry/trust/in_toto_statement.hh)
    manifest,        // the bytes of the manifest itself
};

// A signature and what it is about. Nothing of it is verified.
struct ImageSignature {
    std::string payload;    // simple_signing, statement: the text; manifest: the digest that it names
    std::string signature;  // binary
    SignedForm form = SignedForm::simple_signing;
};

// Signatures, and why others were not read.
struct FoundSignatures {
    std::vector<ImageSignature> signatures;
    std::string problem;  // of the first signature that was skipped, "" if none was
};

// What a signature says about the image.
struct ImageClaim {
    std::optional<std::string> reference;   // HOST/NAME[:TAG]; nullopt: it proves the digest only
    std::optional<std::int64_t> timestamp;  // seconds since 1970

    bool operator==(const ImageClaim&) const = default;
};

// The payload type of an envelope with an in-toto statement.
inline constexpr std::string_view kStatementType = "application/vnd.in-toto+json";

// The text that a signature of an envelope is over: PAE of DSSE's protocol.md, version 1.
std::string pre_authentication_encoding(std::string_view type, std::string_view payload);

// True if the key made the signature. `manifest`: the digest of the image's manifest, which a signature of
// the form `manifest` must be over.
bool is_signed_by(const ImageSignature& signature, const PublicKey& key, const oci::Digest& manifest);

// The claim of a signature, for that manifest. Call it only after is_signed_by(). Throws Error{invalid} for a
// malformed payload, for that of another image, and for an attestation, which is not a signature.
ImageClaim claim_of(const ImageSignature& signature, const oci::Digest& manifest);

}  // namespace osb::registry

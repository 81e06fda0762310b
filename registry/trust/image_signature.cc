#include "registry/trust/image_signature.hh"

#include "base/error.hh"
#include "registry/trust/in_toto_statement.hh"
#include "registry/trust/simple_signing.hh"

namespace osb::registry {
namespace {

[[noreturn]] void refuse_other_image(std::string_view digest) {
    throw Error(ErrorKind::invalid, concat("the signature is for another image, ", digest));
}

ImageClaim claim_of_payload(const ImageSignature& signature, const oci::Digest& manifest) {
    SignedClaim claim = parse_payload(signature.payload);
    if (claim.digest != manifest) refuse_other_image(claim.digest.to_string());
    return {.reference = std::move(claim.reference), .timestamp = claim.timestamp};
}

}  // namespace

std::string pre_authentication_encoding(std::string_view type, std::string_view payload) {
    return concat("DSSEv1 ", type.size(), ' ', type, ' ', payload.size(), ' ', payload);
}

bool is_signed_by(const ImageSignature& signature, const PublicKey& key, const oci::Digest& manifest) {
    switch (signature.form) {
        case SignedForm::simple_signing:
            return key.verifies(signature.payload, signature.signature);
        case SignedForm::statement:
            return key.verifies(pre_authentication_encoding(kStatementType, signature.payload),
                                signature.signature);
        case SignedForm::manifest:
            break;
    }
    // The digest of the image stands for its bytes.
    return manifest.algorithm() == HashAlgorithm::sha256 &&
           key.verifies_hash(parse_sha256(manifest.hex()), signature.signature);
}

ImageClaim claim_of(const ImageSignature& signature, const oci::Digest& manifest) {
    switch (signature.form) {
        case SignedForm::simple_signing:
            return claim_of_payload(signature, manifest);
        case SignedForm::statement:
            return {.reference = signed_name(signature.payload, manifest), .timestamp = std::nullopt};
        case SignedForm::manifest:
            break;
    }
    if (signature.payload != manifest.to_string()) refuse_other_image(signature.payload);
    return {};
}

}  // namespace osb::registry

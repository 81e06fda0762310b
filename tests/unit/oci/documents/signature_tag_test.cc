#include "oci/documents/signature_tag.hh"

#include <gtest/gtest.h>

namespace osb::oci {
namespace {

TEST(SignatureTag, IsTheOneOfCosign) {
    const std::string hex(64, 'a');
    EXPECT_EQ(signature_tag(Digest::parse("sha256:" + hex)), "sha256-" + hex + ".sig");
    EXPECT_TRUE(is_signature_tag("sha256-" + hex + ".sig"));
    EXPECT_TRUE(is_signature_tag(signature_tag(Digest::of({}, HashAlgorithm::sha512))));
}

TEST(SignatureTag, OtherTagsAreImages) {
    const std::string hex(64, 'a');
    for (const std::string& tag :
         {std::string(), std::string(".sig"), std::string("shared-os.sig"), "sha256-" + hex,
          "sha256-" + hex + ".sig2", "sha256-" + hex.substr(1) + ".sig", "sha1-" + hex + ".sig"})
        EXPECT_FALSE(is_signature_tag(tag)) << tag;
}

TEST(SignatureTag, NamesTheReferrers) {
    const std::string hex(64, 'a');
    EXPECT_EQ(referrers_tag(Digest::parse("sha256:" + hex)), "sha256-" + hex);
    EXPECT_EQ(referrers_tag(Digest::of({}, HashAlgorithm::sha512)).size(), 7U + 64U);
    EXPECT_EQ(subject_of_referrers_tag("sha256-" + hex), Digest::parse("sha256:" + hex));
    for (const std::string& tag :
         {std::string(), std::string("sha256-"), "sha256-" + hex + ".sig", "sha256-" + hex.substr(1),
          "sha256-" + std::string(64, 'A'), "md5-" + hex, hex})
        EXPECT_EQ(subject_of_referrers_tag(tag), std::nullopt) << tag;
}

}  // namespace
}  // namespace osb::oci

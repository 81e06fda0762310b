#include "system/origin/origin.hh"

#include <gtest/gtest.h>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::system {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

Origin image_origin_of(const std::string& value) {
    return parse_origin("[origin]\ncontainer-image-reference=" + value + "\n");
}

ErrorKind refusal(const std::string& text) {
    try {
        parse_origin(text);
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

ErrorKind image_refusal(const std::string& value) {
    return refusal("[origin]\ncontainer-image-reference=" + value + "\n");
}

TEST(ParseOrigin, ImagesAsBootcAndRpmOstreeWriteThem) {
    const auto origin = image_origin_of("ostree-unverified-registry:quay.io/x/y:1");
    const auto& image = std::get<ImageOrigin>(origin);
    EXPECT_EQ(image.value, "ostree-unverified-registry:quay.io/x/y:1");
    EXPECT_EQ(image.reference, "docker://quay.io/x/y:1");
    EXPECT_EQ(image.manifest_digest, "");
    EXPECT_EQ(to_string(origin), "docker://quay.io/x/y:1");
    EXPECT_EQ(to_string(image_origin_of("ostree-unverified-image:docker://quay.io/x/y:1")),
              "docker://quay.io/x/y:1");
    EXPECT_EQ(to_string(image_origin_of("ostree-unverified-image:registry:quay.io/x/y:1")),
              "docker://quay.io/x/y:1");
    EXPECT_EQ(to_string(image_origin_of("ostree-unverified-image:oci:/srv/os:v1")), "oci:/srv/os:v1");
    EXPECT_EQ(to_string(image_origin_of(concat("ostree-unverified-registry:quay.io/x/y@", kDigest))),
              concat("docker://quay.io/x/y@", kDigest));
}

TEST(ParseOrigin, RefspecsOfRemotes) {
    const Origin origin = parse_origin("[origin]\nrefspec=origin:os/x86_64/main\n");
    EXPECT_EQ(std::get<RefspecOrigin>(origin).remote, "origin");
    EXPECT_EQ(std::get<RefspecOrigin>(origin).ref, "os/x86_64/main");
    EXPECT_EQ(to_string(origin), "origin:os/x86_64/main");
    EXPECT_EQ(to_string(parse_origin("[origin]\nrefspec=os/x\n")), "os/x");
    EXPECT_EQ(to_string(parse_origin("[origin]\nrefspec=ostree://r:os/x\n")), "r:os/x");
    EXPECT_EQ(to_string(parse_origin(
                  "[origin]\nbaserefspec=fedora:f/39\n[rpmostree]\nregenerate-initramfs=true\n")),
              "fedora:f/39");
}

TEST(ParseOrigin, AnImageWinsOverARefspec) {
    EXPECT_TRUE(std::holds_alternative<ImageOrigin>(parse_origin(
        "[origin]\nrefspec=a:b\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n")));
}

TEST(ParseOrigin, WhatNothingFollows) {
    EXPECT_TRUE(std::holds_alternative<NoOrigin>(parse_origin("")));
    EXPECT_TRUE(std::holds_alternative<NoOrigin>(
        parse_origin("[origin]\n# nothing\n[libostree-transient]\npinned=true\n")));
    EXPECT_TRUE(
        std::holds_alternative<NoOrigin>(parse_origin("[origin]\nrefspec=" + std::string(64, '0') + "\n")));
    EXPECT_EQ(to_string(NoOrigin{}), "");
}

TEST(ParseOrigin, TheDigestThatWeWrote) {
    const std::string text = image_origin_at("quay.io/x/y:1", kDigest, "");
    EXPECT_EQ(std::get<ImageOrigin>(parse_origin(text)).manifest_digest, kDigest);
    // One that is malformed is none; a name is never made of it.
    const Origin other = parse_origin(
        "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/"
        "y:1\n[osb-oci]\nmanifest-digest=sha256:../..\n");
    EXPECT_EQ(std::get<ImageOrigin>(other).manifest_digest, "");
}

TEST(ParseOrigin, RefusesPoliciesThatItCannotKeep) {
    EXPECT_EQ(image_refusal("ostree-image-signed:docker://quay.io/x/y:1"), ErrorKind::unsupported);
    EXPECT_EQ(image_refusal("ostree-remote-registry:fedora:quay.io/x/y:1"), ErrorKind::unsupported);
    EXPECT_EQ(image_refusal("ostree-remote-image:fedora:docker://quay.io/x/y:1"), ErrorKind::unsupported);
    EXPECT_EQ(image_refusal("ostree-unverified-image:docker-daemon:x"), ErrorKind::unsupported);
    EXPECT_EQ(image_refusal("ostree-unverified-image:dir:/x"), ErrorKind::unsupported);
    EXPECT_EQ(refusal("[origin]\nrefspec=a:b\nunconfigured-state=call \x1b[1m us\n"), ErrorKind::unsupported);
    EXPECT_EQ(refusal("[origin]\nbaserefspec=a:b\n[packages]\nrequested=vim;\n"), ErrorKind::unsupported);
}

TEST(ParseOrigin, RefusesWhatIsMalformed) {
    EXPECT_EQ(image_refusal("quay.io/x/y:1"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("docker://quay.io/x/y:1"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-registry:"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-registry:UPPER/case:1"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-image:docker:quay.io/x"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-image:ftp:x"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal(""), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-registry:quay.io/x\\q"), ErrorKind::invalid);
    EXPECT_EQ(image_refusal("ostree-unverified-registry:quay.io/\xff"), ErrorKind::invalid);
    for (const char* refspec : {"a:", ":b", "a/b:c", "a:b:c", "a:../b", "a b", "a\\n", "r:a\\n", ""}) {
        EXPECT_EQ(refusal(concat("[origin]\nrefspec=", refspec, "\n")), ErrorKind::invalid) << refspec;
    }
    EXPECT_EQ(refusal("refspec=a:b\n"), ErrorKind::invalid);
    EXPECT_EQ(refusal("[origin\nrefspec=a:b\n"), ErrorKind::invalid);
    EXPECT_EQ(refusal("[origin]\nrefspec\n"), ErrorKind::invalid);
    EXPECT_EQ(refusal("["), ErrorKind::invalid);
    EXPECT_EQ(refusal("[]\n"), ErrorKind::invalid);
}

TEST(ParseOrigin, ErrorsShowNoControlBytes) {
    try {
        image_origin_of("\x1b[31mred");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
        EXPECT_TRUE(error.message().starts_with("origin file: ")) << error.message();
    }
}

TEST(ImageOriginAt, KeepsOtherGroupsButNotTheOldOrigin) {
    const std::string old =
        "# comment\n[origin]\nrefspec=a:b\nunconfigured-state=x\n\n[mine]\nkey = a\\sb\n\n"
        "[libostree-transient]\npinned=true\n[osb-oci]\nmanifest-digest=sha256:old\n";
    EXPECT_EQ(image_origin_at("docker://quay.io/x/y:1", kDigest, old),
              concat("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n\n"
                     "[osb-oci]\nmanifest-digest=",
                     kDigest, "\n\n[mine]\nkey=a\\sb\n"));
    EXPECT_EQ(image_origin_at("quay.io/x/y:1", "", "no key file"),
              "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n");
}

TEST(ImageOriginAt, KeepsTheGrammarThatWasUsed) {
    const auto round_trip = [](const std::string& reference) {
        return std::get<ImageOrigin>(parse_origin(image_origin_at(reference, kDigest, ""))).value;
    };
    EXPECT_EQ(round_trip("ostree-unverified-image:docker://quay.io/x/y:1"),
              "ostree-unverified-image:docker://quay.io/x/y:1");
    EXPECT_EQ(round_trip("oci:/media/usb/os:v1"), "ostree-unverified-image:oci:/media/usb/os:v1");
    EXPECT_EQ(round_trip("containers-storage:localhost/os:1"),
              "ostree-unverified-image:containers-storage:localhost/os:1");
}

TEST(ImageOriginAt, RefusesWhatWouldEndTheLine) {
    EXPECT_THROW(image_origin_at("oci:/x\n[mine]\nkey=1", "", ""), Error);
    EXPECT_THROW(image_origin_at("oci:/x\\ny", "", ""), Error);
    EXPECT_THROW(image_origin_at("oci:/\xff", "", ""), Error);
    EXPECT_THROW(image_origin_at("", "", ""), Error);
}

TEST(Untried, IsAMarkThatComesAndGoes) {
    const std::string origin = "[origin]\nrefspec=a:b\n\n[libostree-transient]\npinned=true\n";
    EXPECT_FALSE(is_untried(origin));
    const std::string marked = with_untried(origin, true);
    EXPECT_TRUE(is_untried(marked));
    EXPECT_EQ(with_untried(marked, true), marked);
    EXPECT_EQ(with_untried(marked, false), origin);
    EXPECT_EQ(without_transient(marked), "[origin]\nrefspec=a:b\n");
    EXPECT_FALSE(is_untried(image_origin_at("quay.io/x/y:1", kDigest, marked)));
    EXPECT_FALSE(is_untried("no key file"));
}

TEST(WithStateOf, KeepsWhatBelongsToTheDeployment) {
    EXPECT_EQ(with_state_of("[origin]\nrefspec=c:d\n",
                            "[origin]\nrefspec=a:b\nunlocked=hotfix\n[libostree-transient]\npinned=true\n"
                            "[osb-oci]\nmanifest-digest=x\nuntried=true\n"),
              "[origin]\nrefspec=c:d\nunlocked=hotfix\n\n[libostree-transient]\npinned=true\n\n"
              "[osb-oci]\nuntried=true\n");
    EXPECT_EQ(with_state_of("[origin]\nrefspec=c:d\n", "[origin]\nrefspec=a:b\n"), "[origin]\nrefspec=c:d\n");
}

TEST(WithoutTransient, KeepsTheRest) {
    EXPECT_EQ(without_transient("[origin]\nrefspec=a:b\n[libostree-transient]\npinned=true\n"),
              "[origin]\nrefspec=a:b\n");
    EXPECT_EQ(without_transient(""), "");
}

}  // namespace
}  // namespace osb::system

#include "image/deployment/origin.hh"

#include <gtest/gtest.h>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::image {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

OriginTarget target_of(const std::string& text) {
    return Origin::parse(text).target();
}

OriginTarget image_origin_of(const std::string& value) {
    return target_of("[origin]\ncontainer-image-reference=" + value + "\n");
}

ErrorKind refusal(const std::string& text) {
    try {
        target_of(text);
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
    const OriginTarget origin = target_of("[origin]\nrefspec=origin:os/x86_64/main\n");
    EXPECT_EQ(std::get<RefspecOrigin>(origin).remote, "origin");
    EXPECT_EQ(std::get<RefspecOrigin>(origin).ref, "os/x86_64/main");
    EXPECT_EQ(to_string(origin), "origin:os/x86_64/main");
    EXPECT_EQ(to_string(target_of("[origin]\nrefspec=os/x\n")), "os/x");
    EXPECT_EQ(to_string(target_of("[origin]\nrefspec=ostree://r:os/x\n")), "r:os/x");
    EXPECT_EQ(
        to_string(target_of("[origin]\nbaserefspec=fedora:f/39\n[rpmostree]\nregenerate-initramfs=true\n")),
        "fedora:f/39");
}

TEST(ParseOrigin, AnImageWinsOverARefspec) {
    EXPECT_TRUE(std::holds_alternative<ImageOrigin>(target_of(
        "[origin]\nrefspec=a:b\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n")));
}

TEST(ParseOrigin, WhatNothingFollows) {
    EXPECT_TRUE(std::holds_alternative<NoOrigin>(target_of("")));
    EXPECT_TRUE(std::holds_alternative<NoOrigin>(
        target_of("[origin]\n# nothing\n[libostree-transient]\npinned=true\n")));
    EXPECT_TRUE(
        std::holds_alternative<NoOrigin>(target_of("[origin]\nrefspec=" + std::string(64, '0') + "\n")));
    EXPECT_EQ(to_string(OriginTarget()), "");
}

TEST(ParseOrigin, TheDigestThatWeWrote) {
    const std::string text = Origin::of_image("quay.io/x/y:1", kDigest).text();
    EXPECT_EQ(std::get<ImageOrigin>(target_of(text)).manifest_digest, kDigest);
    // One that is malformed is none; a name is never made of it.
    const OriginTarget other = target_of(
        "[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/"
        "y:1\n[osb-oci]\nmanifest-digest=sha256:../..\n");
    EXPECT_EQ(std::get<ImageOrigin>(other).manifest_digest, "");
}

TEST(ParseOrigin, ASignedImageRequiresASignature) {
    const auto signed_image = std::get<ImageOrigin>(
        target_of("[origin]\ncontainer-image-reference=ostree-image-signed:docker://quay.io/x/y:1\n"));
    EXPECT_TRUE(signed_image.requires_signature);
    EXPECT_EQ(signed_image.reference, "docker://quay.io/x/y:1");
    const auto other = std::get<ImageOrigin>(
        target_of("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n"));
    EXPECT_FALSE(other.requires_signature);
}

TEST(ParseOrigin, ARemoteVerifiesTheCommit) {
    for (const char* value :
         {"ostree-remote-registry:vendor:quay.io/x/y:1", "ostree-remote-image:vendor:docker://quay.io/x/y:1",
          "ostree-remote-image:vendor:registry:quay.io/x/y:1"}) {
        const auto origin =
            std::get<ImageOrigin>(target_of(concat("[origin]\ncontainer-image-reference=", value, "\n")));
        EXPECT_EQ(origin.remote, "vendor");
        EXPECT_EQ(origin.reference, "docker://quay.io/x/y:1");
        EXPECT_EQ(origin.value, value);
        EXPECT_FALSE(origin.requires_signature);
    }
    for (const char* value : {"ostree-remote-registry:", "ostree-remote-registry::quay.io/x/y:1",
                              "ostree-remote-registry:a/b:quay.io/x/y:1", "ostree-remote-registry:vendor",
                              "ostree-remote-registry:-v:quay.io/x:1", "ostree-remote-image:vendor:quay.io/x",
                              "ostree-remote-image:../x:docker://quay.io/x"})
        EXPECT_EQ(image_refusal(value), ErrorKind::invalid) << value;
}

TEST(ParseOrigin, RefusesPoliciesThatItCannotKeep) {
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

TEST(OriginOfImage, FormsOfImages) {
    const std::string key = "[origin]\ncontainer-image-reference=";
    EXPECT_EQ(Origin::of_image("docker://quay.io/x/y:1").text(),
              key + "ostree-unverified-registry:quay.io/x/y:1\n");
    EXPECT_EQ(Origin::of_image("quay.io/x/y:1").text(), key + "ostree-unverified-registry:quay.io/x/y:1\n");
    for (const char* kept :
         {"ostree-unverified-registry:quay.io/x/y:1", "ostree-unverified-image:docker://quay.io/x/y:1",
          "ostree-image-signed:docker://quay.io/x/y:1", "ostree-remote-registry:fedora:quay.io/x/y:1",
          "ostree-remote-image:fedora:docker://quay.io/x/y:1"}) {
        EXPECT_EQ(Origin::of_image(kept).text(), key + kept + '\n');
        EXPECT_EQ(origin_image(kept), "docker://quay.io/x/y:1");
    }
    for (const char* bad :
         {"", "docker://", "ostree-remote-registry:quay.io", "a b", "x\ny", "ostree-image-signed:"}) {
        EXPECT_THROW(Origin::of_image(bad), Error) << bad;
    }
}

TEST(OriginOfImage, TransportsBesideRegistries) {
    EXPECT_EQ(with_grammar("oci:/media/usb/os:v1"), "ostree-unverified-image:oci:/media/usb/os:v1");
    EXPECT_EQ(with_grammar("containers-storage:localhost/os:1"),
              "ostree-unverified-image:containers-storage:localhost/os:1");
    for (const std::string name :
         {"dir:/media/usb/os", "docker-daemon:localhost/os:1", "tarball:/media/usb/os.tar"})
        EXPECT_EQ(with_grammar(name), "ostree-unverified-image:" + name);
    EXPECT_EQ(with_grammar("quay.io/x/y:1"), "quay.io/x/y:1");
    for (const char* name : {"oci:/media/usb/os:v1", "dir:/x", "docker-daemon:localhost/os:1"}) {
        const std::string value = with_grammar(name);
        const auto target = Origin::of_image(value, kDigest).target();
        EXPECT_EQ(std::get<ImageOrigin>(target).value, value);
        EXPECT_EQ(std::get<ImageOrigin>(target).reference, name);
    }
}

TEST(OriginOfImage, RefusesWhatWouldEndTheLine) {
    EXPECT_THROW(Origin::of_image("ostree-unverified-image:oci:/x\n[mine]\nkey=1"), Error);
    EXPECT_THROW(Origin::of_image("ostree-unverified-image:oci:/x\\ny"), Error);
    EXPECT_THROW(Origin::of_image("ostree-unverified-image:oci:/\xff"), Error);
}

TEST(OriginWithGroupsOf, KeepsOtherGroupsButNotTheOldOrigin) {
    const std::string old =
        "# comment\n[origin]\nrefspec=a:b\nunconfigured-state=x\n\n[mine]\nkey = a\\sb\n\n"
        "[libostree-transient]\npinned=true\n[osb-oci]\nmanifest-digest=sha256:old\n";
    EXPECT_EQ(Origin::of_image("docker://quay.io/x/y:1", kDigest).with_groups_of(Origin::parse(old)).text(),
              concat("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/x/y:1\n\n"
                     "[osb-oci]\nmanifest-digest=",
                     kDigest, "\n\n[mine]\nkey=a\\sb\n"));
    EXPECT_EQ(Origin::of_image("quay.io/x/y:1").with_groups_of(Origin::parse_or_empty("no key file")),
              Origin::of_image("quay.io/x/y:1"));
}

TEST(OriginUntried, IsAMarkThatComesAndGoes) {
    const auto origin = Origin::parse("[origin]\nrefspec=a:b\n\n[libostree-transient]\npinned=true\n");
    EXPECT_FALSE(origin.is_untried());
    const Origin marked = origin.with_untried(true);
    EXPECT_TRUE(marked.is_untried());
    EXPECT_EQ(marked.with_untried(true), marked);
    EXPECT_EQ(marked.with_untried(false), origin);
    EXPECT_EQ(marked.without_state(), Origin::of_refspec("a:b"));
    EXPECT_FALSE(Origin::of_image("quay.io/x/y:1", kDigest).with_groups_of(marked).is_untried());
    EXPECT_FALSE(Origin::parse("[osb-oci]\nuntried=\xff\n").is_untried());
}

TEST(OriginWithStateOf, KeepsWhatBelongsToTheDeployment) {
    const auto origin = Origin::of_refspec("c:d");
    EXPECT_EQ(origin
                  .with_state_of(Origin::parse(
                      "[origin]\nrefspec=a:b\nunlocked=hotfix\n[libostree-transient]\npinned=true\n"
                      "[osb-oci]\nmanifest-digest=x\nuntried=true\n"))
                  .text(),
              "[origin]\nrefspec=c:d\nunlocked=hotfix\n\n[libostree-transient]\npinned=true\n\n"
              "[osb-oci]\nuntried=true\n");
    EXPECT_EQ(origin.with_state_of(Origin::of_refspec("a:b")).text(), "[origin]\nrefspec=c:d\n");
}

TEST(OriginWithoutState, KeepsTheRest) {
    EXPECT_EQ(Origin::parse("[origin]\nrefspec=a:b\n[libostree-transient]\npinned=true\n").without_state(),
              Origin::of_refspec("a:b"));
    EXPECT_EQ(Origin().without_state().text(), "");
}

TEST(OriginNamed, WhateverThePolicy) {
    EXPECT_EQ(Origin::of_image("ostree-image-signed:docker://quay.io/x/y:1").named(),
              "ostree-image-signed:docker://quay.io/x/y:1");
    EXPECT_EQ(Origin::of_refspec("a b").named(), "a b");
    EXPECT_EQ(Origin::parse("[origin]\nbaserefspec=f:x\n").named(), "f:x");
    EXPECT_EQ(Origin::parse("[origin]\nrefspec=a\\q\n").named(), "");
    EXPECT_EQ(Origin().named(), "");
}

}  // namespace
}  // namespace osb::image

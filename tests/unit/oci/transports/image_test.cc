#include "oci/transports/image.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

// A transport whose every answer the test decides.
class FakeSource final : public ImageSource {
  public:
    LayoutBuilder layout;
    Document document;

    void root_is(const Json& descriptor) {
        document = {.raw = layout.files().at(LayoutBuilder::blob_path(descriptor)),
                    .media_type = descriptor.at("mediaType"),
                    .expected = Digest::parse(std::string(descriptor.at("digest")))};
    }
    void root_is_index(const std::vector<Json>& entries) {
        root_is(layout.blob(kMediaTypeIndex, LayoutBuilder::index_json(entries).dump()));
    }

    Document root() override { return document; }
    std::unique_ptr<Source> open_blob(const Descriptor& descriptor) override {
        ++opened;
        const auto found = layout.files().find(
            concat("blobs/", descriptor.digest.algorithm_name(), '/', descriptor.digest.hex()));
        if (found == layout.files().end()) throw Error(ErrorKind::not_found, "no such blob");
        return std::make_unique<MemorySource>(as_bytes(found->second));
    }
    int opened = 0;
};

std::shared_ptr<FakeSource> fake() {
    return std::make_shared<FakeSource>();
}

std::string architecture_of(const std::shared_ptr<FakeSource>& source, const char* platform = nullptr) {
    std::optional<Platform> wanted;
    if (platform != nullptr) wanted = Platform::parse(platform);
    return open_image(source, wanted).config.platform.to_string();
}

TEST(OpenImage, SingleManifest) {
    const auto source = fake();
    source->root_is(source->layout.image("arm64", {"a", "b"}));
    const Image image = open_image(source, std::nullopt);
    EXPECT_EQ(image.manifest.layers.size(), 2U);
    EXPECT_EQ(image.config.platform.to_string(), "linux/arm64");
    EXPECT_EQ(image.manifest.digest, *source->document.expected);
    LayerBlob blob = image.source->open_layer(image.manifest, image.config, 1);
    EXPECT_EQ(read_all(*blob.bytes, 10, "x"), "b");
    EXPECT_EQ(blob.size, 1U);
    EXPECT_EQ(blob.compression, Compression::none);
    EXPECT_EQ(architecture_of(source, "linux/arm64"), "linux/arm64");
    expect_error(ErrorKind::invalid, [&] { architecture_of(source, "linux/amd64"); });
    expect_error(ErrorKind::invalid, [&] { architecture_of(source, "windows/arm64"); });
}

// containers/image#911: `platform` is optional in an index.
TEST(OpenImage, PlatformsOfConfigsWhereTheIndexHasNone) {
    const auto source = fake();
    const Json arm64 = source->layout.image("arm64", {"a"});
    const Json s390x = source->layout.image("s390x", {"b"});
    const Json artifact = source->layout.blob(kMediaTypeManifest, R"({"schemaVersion":2})");
    source->root_is_index({artifact, arm64, s390x});
    EXPECT_EQ(open_image(source, Platform::parse("linux/s390x")).manifest.digest.to_string(),
              s390x.at("digest"));
    EXPECT_EQ(manifest_digest(*source, Platform::parse("linux/arm64")).to_string(), arm64.at("digest"));
    expect_error(ErrorKind::not_found, [&] { open_image(source, Platform::parse("linux/riscv64")); });
    source->root_is_index(std::vector<Json>(20, arm64));
    EXPECT_EQ(open_image(source, Platform::parse("linux/arm64")).manifest.digest.to_string(),
              arm64.at("digest"));
}

TEST(OpenImage, MediaTypesThatSayNothing) {
    const auto source = fake();
    source->root_is(source->layout.image("arm64", {"a"}));
    for (const char* type :
         {"", "application/json", "text/plain; charset=utf-8", "application/octet-stream"}) {
        source->document.media_type = type;
        EXPECT_EQ(architecture_of(source), "linux/arm64");
    }
    source->document.media_type = kMediaTypeDockerManifest;
    expect_error(ErrorKind::invalid, [&] { architecture_of(source); });
    source->document.media_type = "text/html";
    expect_error(ErrorKind::unsupported, [&] { architecture_of(source); });
}

TEST(OpenImage, ChoosesThePlatform) {
    const auto source = fake();
    const Json amd64 = for_platform(source->layout.image("amd64", {"a"}), "linux", "amd64");
    const Json amd64_again = for_platform(source->layout.image("amd64", {"z"}), "linux", "amd64");
    const Json arm64 = for_platform(source->layout.image("arm64", {"b"}), "linux", "arm64", "v8");
    const Json arm = for_platform(source->layout.image("arm", {"c"}), "linux", "arm", "v7");
    source->root_is_index({arm, amd64, arm64, amd64_again});
    EXPECT_EQ(architecture_of(source, "linux/amd64"), "linux/amd64");
    EXPECT_EQ(open_image(source, Platform::parse("linux/amd64")).manifest.digest.to_string(),
              amd64.at("digest"));
    EXPECT_EQ(architecture_of(source, "linux/arm64"), "linux/arm64");
    EXPECT_EQ(architecture_of(source, "linux/arm/v6"),
              "linux/arm");  // none with the variant: the one without
    const Error error = expect_error(ErrorKind::not_found, [&] { architecture_of(source, "linux/riscv64"); });
    EXPECT_NE(error.message().find("linux/arm64"), std::string::npos) << error.message();
    EXPECT_NE(error.hint().find("--platform"), std::string::npos);
    expect_error(ErrorKind::not_found, [&] { architecture_of(source, "windows/amd64"); });
}

TEST(OpenImage, SingleEntryIsTakenUnlessAskedOtherwise) {
    const auto source = fake();
    const Json attestation = for_platform(source->layout.image("unknown", {}), "unknown", "unknown");
    Json artifact = source->layout.image("amd64", {"q"});
    artifact["artifactType"] = "application/x";
    Json odd = source->layout.image("amd64", {"r"});
    odd["mediaType"] = "application/x";
    const Json riscv = for_platform(source->layout.image("riscv64", {"a"}), "linux", "riscv64");
    source->root_is_index({attestation, artifact, odd, riscv});
    EXPECT_EQ(architecture_of(source), "linux/riscv64");
    expect_error(ErrorKind::not_found, [&] { architecture_of(source, "linux/s390x"); });
    source->root_is_index({attestation, odd});
    expect_error(ErrorKind::unsupported, [&] { architecture_of(source); });
    source->root_is_index({});
    expect_error(ErrorKind::unsupported, [&] { architecture_of(source); });
}

// An index repeats the artifactType that an image may have.
TEST(OpenImage, EntriesWithAnArtifactType) {
    const auto source = fake();
    Json arm = for_platform(source->layout.image("arm64", {"a"}), "linux", "arm64");
    Json amd = for_platform(source->layout.image("amd64", {"b"}), "linux", "amd64");
    arm["artifactType"] = amd["artifactType"] = "application/x";
    source->root_is_index({arm, amd});
    EXPECT_EQ(architecture_of(source, "linux/amd64"), "linux/amd64");
    amd.erase("platform");
    source->root_is_index({amd});
    EXPECT_EQ(architecture_of(source), "linux/amd64");
    Json signature{{"schemaVersion", 2}, {"layers", Json::array()}};
    signature["config"] = source->layout.blob("application/vnd.oci.empty.v1+json", "{}");
    Json entry = source->layout.blob(kMediaTypeManifest, signature.dump());
    entry["artifactType"] = "application/x";
    source->root_is_index({entry});
    expect_error(ErrorKind::unsupported, [&] { architecture_of(source); });
}

TEST(OpenImage, OneImageUnderSeveralTags) {
    const auto source = fake();
    const Json plain = source->layout.image("riscv64", {"a"});
    source->root_is_index({tagged(plain, "1"), tagged(plain, "latest")});
    EXPECT_EQ(architecture_of(source), "linux/riscv64");
    const Json named = for_platform(plain, "linux", "riscv64");
    source->root_is_index({tagged(named, "1"), tagged(plain, "latest"), named});
    EXPECT_EQ(architecture_of(source), "linux/riscv64");
    EXPECT_EQ(architecture_of(source, "linux/riscv64"), "linux/riscv64");
}

// Images that are nothing but files fit every machine.
TEST(OpenImage, ConfigWithoutPlatform) {
    const auto source = fake();
    source->root_is(source->layout.image("", {"a"}));
    EXPECT_EQ(open_image(source, Platform::parse("linux/s390x")).config.platform.architecture, "");
    expect_error(ErrorKind::invalid, [&] { architecture_of(source, "windows/amd64"); });
}

TEST(OpenImage, HostsPlatformByDefault) {
    const auto source = fake();
    const Platform host = Platform::host();
    const Json mine = for_platform(source->layout.image(host.architecture, {"a"}), "linux", host.architecture,
                                   host.variant);
    const Json other = for_platform(source->layout.image("other", {"b"}), "linux", "other");
    source->root_is_index({other, mine});
    EXPECT_EQ(open_image(source, std::nullopt).config.platform.architecture, host.architecture);
    const Json third = for_platform(source->layout.image("third", {"c"}), "linux", "third");
    source->root_is_index({other, third});
    expect_error(ErrorKind::not_found, [&] { architecture_of(source); });
}

TEST(OpenImage, ConfigMustAgreeWithThePlatform) {
    const auto source = fake();
    source->root_is_index({for_platform(source->layout.image("arm64", {"a"}), "linux", "amd64")});
    expect_error(ErrorKind::invalid, [&] { architecture_of(source, "linux/amd64"); });
}

TEST(OpenImage, NestedIndexes) {
    const auto source = fake();
    Json entry = source->layout.image("arm64", {"a"});
    for (int level = 1; level <= 4; ++level) {
        entry = source->layout.blob(kMediaTypeIndex, LayoutBuilder::index_json({entry}).dump());
        source->root_is(entry);
        EXPECT_EQ(architecture_of(source, "linux/arm64"), "linux/arm64");
    }
    source->root_is_index({entry});
    expect_error(ErrorKind::invalid, [&] { architecture_of(source); });
}

// Row 76.
TEST(OpenImage, CountsDiffIds) {
    const auto source = fake();
    for (const std::size_t count : {0UL, 1UL, 3UL}) {
        Json manifest{
            {"schemaVersion", 2},
            {"layers", {descriptor_json(kMediaTypeLayer, "a"), descriptor_json(kMediaTypeLayer, "b")}}};
        manifest["config"] = source->layout.blob(
            kMediaTypeConfig, LayoutBuilder::config("amd64", std::vector<std::string>(count, "a")));
        source->root_is(source->layout.blob(kMediaTypeManifest, manifest.dump()));
        const Error error = expect_error(ErrorKind::invalid, [&] { architecture_of(source); });
        EXPECT_NE(error.message().find(concat(count, " diff_ids")), std::string::npos) << error.message();
        EXPECT_NE(error.message().find("2 layers"), std::string::npos) << error.message();
    }
}

TEST(OpenImage, VerifiesTheRoot) {
    const auto source = fake();
    source->root_is(source->layout.image("amd64", {"a"}));
    source->document.raw += "\n";
    expect_error(ErrorKind::digest_mismatch, [&] { architecture_of(source); });
    source->document.expected.reset();
    EXPECT_EQ(architecture_of(source), "linux/amd64");
    source->document.raw = std::string(kMaxDocument + 1, ' ');
    expect_error(ErrorKind::too_large, [&] { architecture_of(source); });
}

TEST(OpenImage, VerifiesManifestAndConfig) {
    const auto source = fake();
    const Json manifest = source->layout.image("amd64", {"a"});
    const Json config = descriptor_json(kMediaTypeConfig, LayoutBuilder::config("amd64", {"a"}));
    source->root_is_index({manifest});
    std::string& config_bytes = source->layout.files().at(LayoutBuilder::blob_path(config));
    config_bytes += " ";
    expect_error(ErrorKind::digest_mismatch, [&] { architecture_of(source); });
    config_bytes.pop_back();
    EXPECT_EQ(architecture_of(source), "linux/amd64");
    source->layout.files().at(LayoutBuilder::blob_path(manifest))[0] = ' ';
    expect_error(ErrorKind::digest_mismatch, [&] { architecture_of(source); });
}

// Row 79: what is declared too large is not even opened.
TEST(OpenImage, RefusesLargeDocumentsBeforeReading) {
    const auto source = fake();
    Json huge = source->layout.image("amd64", {"a"});
    huge["size"] = kMaxDocument + 1;
    source->root_is_index({huge});
    expect_error(ErrorKind::too_large, [&] { architecture_of(source); });
    EXPECT_EQ(source->opened, 0);
}

TEST(OpenLayer, ForeignLayers) {
    const auto source = fake();
    Json manifest = Json::object({{"schemaVersion", 2}});
    Json layer = source->layout.blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "a");
    layer["urls"] = Json::array({"file:///etc/shadow"});
    manifest["layers"] = Json::array();
    manifest["layers"].push_back(layer);
    manifest["config"] = source->layout.blob(kMediaTypeConfig, LayoutBuilder::config("amd64", {"a"}));
    source->root_is(source->layout.blob(kMediaTypeManifest, manifest.dump()));
    const Image image = open_image(source, std::nullopt);
    EXPECT_EQ(read_all(*image.source->open_layer(image.manifest, image.config, 0).bytes, 10, "layer"), "a");
    source->layout.files().erase(LayoutBuilder::blob_path(layer));
    expect_error(ErrorKind::unsupported, [&] { image.source->open_layer(image.manifest, image.config, 0); });
}

TEST(OpenLayer, RefusesEncryptedLayersBeforeOpening) {
    const auto source = fake();
    Json manifest = Json::object({{"schemaVersion", 2}});
    manifest["layers"] = Json::array();
    manifest["layers"].push_back(
        source->layout.blob("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "a"));
    manifest["config"] = source->layout.blob(kMediaTypeConfig, LayoutBuilder::config("amd64", {"a"}));
    source->root_is(source->layout.blob(kMediaTypeManifest, manifest.dump()));
    const Image image = open_image(source, std::nullopt);
    const int before = source->opened;
    expect_error(ErrorKind::unsupported, [&] { image.source->open_layer(image.manifest, image.config, 0); });
    EXPECT_EQ(source->opened, before);
}

TEST(ManifestDigest, ReadsNoMoreThanItNeeds) {
    const auto source = fake();
    const Json amd64 = for_platform(source->layout.image("amd64", {"a"}), "linux", "amd64");
    const Json arm64 = for_platform(source->layout.image("arm64", {"b"}), "linux", "arm64");
    source->root_is(amd64);
    EXPECT_EQ(manifest_digest(*source, std::nullopt).to_string(), amd64.at("digest"));
    source->document.expected.reset();
    EXPECT_EQ(manifest_digest(*source, std::nullopt).to_string(), amd64.at("digest"));
    source->root_is_index({amd64, arm64});
    EXPECT_EQ(manifest_digest(*source, Platform::parse("linux/arm64")).to_string(), arm64.at("digest"));
    EXPECT_EQ(source->opened, 0);
    // An index inside an index has to be read.
    const Json inner = source->layout.blob(kMediaTypeIndex, LayoutBuilder::index_json({amd64, arm64}).dump());
    source->root_is_index({inner});
    EXPECT_EQ(manifest_digest(*source, Platform::parse("linux/arm64")).to_string(), arm64.at("digest"));
    EXPECT_EQ(source->opened, 1);
    source->document.raw += ' ';
    expect_error(ErrorKind::digest_mismatch, [&] { manifest_digest(*source, std::nullopt); });
}

}  // namespace
}  // namespace osb::oci

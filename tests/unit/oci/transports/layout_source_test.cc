#include "oci/transports/layout_source.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "oci/transports/image.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

namespace fs = std::filesystem;

class LayoutSourceTest : public testing::Test {
  protected:
    Image open(const std::string& tag = "") {
        layout_.write(directory_.path());
        return open_image(open_layout(directory_.path(), tag), std::nullopt);
    }
    Error refused(ErrorKind kind, const std::string& tag = "") {
        return expect_error(kind, [&] { open(tag); });
    }
    std::string digest_of(const std::string& tag) { return open(tag).manifest.digest.to_string(); }

    TempDirectory directory_;
    LayoutBuilder layout_;
};

TEST_F(LayoutSourceTest, OnlyImageNeedsNoTag) {
    const Json image = layout_.image("amd64", {"layer"});
    layout_.index({tagged(image, "1")});
    const Image opened = open();
    EXPECT_EQ(opened.manifest.digest.to_string(), image.at("digest"));
    const LayerBlob blob = opened.source->open_layer(opened.manifest, opened.config, 0);
    EXPECT_EQ(read_all(*blob.bytes, 100, "x"), "layer");
    EXPECT_EQ(digest_of("1"), image.at("digest"));
}

TEST_F(LayoutSourceTest, OnlyImageMayHaveSeveralTags) {
    const Json image = layout_.image("amd64", {"layer"});
    layout_.index({tagged(image, "1"), tagged(image, "latest"), image});
    EXPECT_EQ(open().manifest.digest.to_string(), image.at("digest"));
    layout_.index({tagged(image, "1"), tagged(layout_.image("amd64", {"other"}), "2")});
    EXPECT_NE(refused(ErrorKind::not_found).message().find("2 images"), std::string::npos);
}

TEST_F(LayoutSourceTest, ArtifactsAboutAnImageAreNoImages) {
    const Json image = layout_.image("amd64", {"layer"});
    const Json manifest{{"schemaVersion", 2},      {"mediaType", kMediaTypeManifest},
                        {"artifactType", "a/b"},   {"config", layout_.blob(kMediaTypeEmpty, "{}")},
                        {"layers", Json::array()}, {"subject", image}};
    const Json artifact = layout_.blob(kMediaTypeManifest, manifest.dump());
    std::string name = image.at("digest").get<std::string>();
    name[name.find(':')] = '-';
    const Json referrers = layout_.blob(kMediaTypeIndex, LayoutBuilder::index_json({artifact}).dump());
    for (const Json& one : {image, tagged(image, "1")}) {
        layout_.index({artifact, one, tagged(referrers, name)});
        EXPECT_EQ(digest_of(""), image.at("digest"));
        layout_.write(directory_.path());
        EXPECT_EQ(read_layout_index(directory_.path()).manifests.size(), 3U);
    }
    // Alone it is still named in the error.
    layout_.index({artifact});
    EXPECT_NE(refused(ErrorKind::unsupported).message().find("'a/b'"), std::string::npos);
    // An artifact with a name was put there as an image.
    layout_.index({image, tagged(artifact, "2")});
    EXPECT_NE(refused(ErrorKind::not_found).message().find("2 images"), std::string::npos);
}

TEST_F(LayoutSourceTest, ChoosesByTag) {
    const Json a = layout_.image("amd64", {"a"});
    const Json b = layout_.image("amd64", {"b"});
    layout_.index({tagged(a, "1"), tagged(b, "quay.io/x/os:2"), a});
    EXPECT_EQ(digest_of("1"), a.at("digest"));
    EXPECT_EQ(digest_of("quay.io/x/os:2"), b.at("digest"));
    const Error missing = refused(ErrorKind::not_found, "3");
    EXPECT_NE(missing.message().find("'quay.io/x/os:2'"), std::string::npos) << missing.message();
    const Error untagged = refused(ErrorKind::not_found);
    EXPECT_NE(untagged.message().find("'1'"), std::string::npos) << untagged.message();
    EXPECT_FALSE(untagged.hint().empty());
}

TEST_F(LayoutSourceTest, ChoosesByPosition) {
    const Json a = layout_.image("amd64", {"a"});
    const Json b = layout_.image("amd64", {"b"});
    layout_.index({tagged(a, "1"), b, tagged(b, "1")});
    EXPECT_EQ(digest_of("@0"), a.at("digest"));
    EXPECT_EQ(digest_of("@1"), b.at("digest"));
    EXPECT_EQ(digest_of("@2"), b.at("digest"));
    EXPECT_NE(refused(ErrorKind::not_found, "@3").message().find("3 entries"), std::string::npos);
}

TEST_F(LayoutSourceTest, ChoosesByContainerdName) {
    Json a = tagged(layout_.image("amd64", {"a"}), "1.0");
    a["annotations"]["io.containerd.image.name"] = "docker.io/library/os:1.0";
    const Json b = tagged(layout_.image("amd64", {"b"}), "2.0");
    layout_.index({a, b});
    EXPECT_EQ(digest_of("docker.io/library/os:1.0"), a.at("digest"));
    EXPECT_EQ(digest_of("os:1.0"), a.at("digest"));
    refused(ErrorKind::not_found, "s:1.0");
    refused(ErrorKind::not_found, "0");
}

TEST_F(LayoutSourceTest, RefusesAmbiguousTags) {
    const Json a = layout_.image("amd64", {"a"});
    const Json b = layout_.image("amd64", {"b"});
    layout_.index({tagged(a, "1"), tagged(b, "1")});
    EXPECT_NE(refused(ErrorKind::invalid, "1").message().find("ambiguous"), std::string::npos);
    layout_.index({tagged(a, "1"), tagged(a, "1")});
    EXPECT_EQ(digest_of("1"), a.at("digest"));
}

TEST_F(LayoutSourceTest, ATagOfSeveralPlatforms) {
    const Json a = for_platform(layout_.image("arm64", {"a"}), "linux", "arm64");
    const Json b = for_platform(layout_.image("s390x", {"b"}), "linux", "s390x");
    const Json other = for_platform(layout_.image("s390x", {"other"}), "linux", "s390x");
    const Json provenance = for_platform(layout_.image("x", {"c"}), "unknown", "unknown");
    const auto chosen = [this](const char* platform) {
        layout_.write(directory_.path());
        const Image image = open_image(open_layout(directory_.path(), "1"), Platform::parse(platform));
        return image.manifest.digest.to_string();
    };
    layout_.index(
        {tagged(other, "2"), tagged(a, "1"), tagged(b, "1"), tagged(b, "1"), tagged(provenance, "1")});
    EXPECT_EQ(chosen("linux/s390x"), b.at("digest"));
    EXPECT_EQ(chosen("linux/arm64"), a.at("digest"));
    expect_error(ErrorKind::not_found, [&] { chosen("linux/riscv64"); });
    // Two for one platform, and one without.
    layout_.index({tagged(other, "1"), tagged(a, "1"), tagged(b, "1")});
    EXPECT_FALSE(refused(ErrorKind::invalid, "1").hint().empty());
    layout_.index({tagged(layout_.image("s390x", {"other"}), "1"), tagged(a, "1")});
    refused(ErrorKind::invalid, "1");
    // One image for two platforms is one image.
    layout_.index({tagged(a, "1"), tagged(for_platform(a, "linux", "arm"), "1")});
    EXPECT_EQ(digest_of("1"), a.at("digest"));
}

TEST_F(LayoutSourceTest, SavedByCosign) {
    const auto of_kind = [](Json entry, const char* kind) {
        entry["annotations"]["kind"] = concat("dev.cosignproject.cosign/", kind);
        return entry;
    };
    const Json image = layout_.image("amd64", {"a"});
    const Json signatures = layout_.image("amd64", {"b"});
    layout_.index({of_kind(signatures, "sigs"), of_kind(image, "image"), of_kind(signatures, "atts")});
    EXPECT_EQ(digest_of(""), image.at("digest"));
    layout_.index({of_kind(signatures, "sigs"), of_kind(image, "image"), of_kind(signatures, "image")});
    refused(ErrorKind::not_found);
}

TEST_F(LayoutSourceTest, SeveralPlatformsWithoutTag) {
    const Json a = for_platform(layout_.image("arm64", {"a"}), "linux", "arm64");
    const Json b = for_platform(layout_.image("s390x", {"b"}), "linux", "s390x");
    layout_.index({a, b});
    layout_.write(directory_.path());
    const Image image = open_image(open_layout(directory_.path(), ""), Platform::parse("linux/s390x"));
    EXPECT_EQ(image.manifest.digest.to_string(), b.at("digest"));
    layout_.index({a, b, tagged(a, "other")});
    layout_.write(directory_.path());
    const Image again = open_image(open_layout(directory_.path(), ""), Platform::parse("linux/s390x"));
    EXPECT_EQ(again.manifest.digest.to_string(), b.at("digest"));
    const Json c = for_platform(layout_.image("arm64", {"c"}), "linux", "arm64");
    layout_.index({a, b, c});
    refused(ErrorKind::not_found);
}

TEST_F(LayoutSourceTest, Sha512) {
    const std::string config = LayoutBuilder::config("amd64", {"layer"});
    const auto wide = [this](std::string_view type, const std::string& content) {
        const Digest digest = Digest::of(as_bytes(content), HashAlgorithm::sha512);
        layout_.files()["blobs/sha512/" + digest.hex()] = content;
        return Json{{"mediaType", type}, {"digest", digest.to_string()}, {"size", content.size()}};
    };
    const Json manifest{{"schemaVersion", 2},
                        {"config", wide(kMediaTypeConfig, config)},
                        {"layers", {wide(kMediaTypeLayer, "layer")}}};
    const Json descriptor = wide(kMediaTypeManifest, manifest.dump());
    layout_.index({descriptor});
    EXPECT_EQ(digest_of(""), descriptor.at("digest"));
}

// Row 85.
TEST_F(LayoutSourceTest, RefusesWhatIsNoLayout) {
    layout_.index({layout_.image("amd64", {"a"})});
    std::string& marker = layout_.files().at("oci-layout");
    for (const char* text :
         {"", "{}", "[]", "1.0.0", R"({"imageLayoutVersion":1})", R"({"imageLayoutVersion":null})"}) {
        marker = text;
        refused(ErrorKind::invalid);
    }
    for (const char* text : {R"({"imageLayoutVersion":"2.0.0"})", R"({"imageLayoutVersion":"10.0"})",
                             R"({"imageLayoutVersion":"\u001b[2J"})"}) {
        marker = text;
        refused(ErrorKind::unsupported);
    }
    marker = std::string(1024UL * 1024, ' ');
    refused(ErrorKind::too_large);
    layout_.files().erase("oci-layout");
    fs::remove(directory_ / "oci-layout");
    EXPECT_NE(refused(ErrorKind::invalid).message().find("not an image layout"), std::string::npos);
}

TEST_F(LayoutSourceTest, RefusesMissingDirectoryAndFile) {
    expect_error(ErrorKind::not_found, [&] { open_layout(directory_ / "none", ""); });
    write_file(directory_ / "file", "x");
    const Error error = expect_error(ErrorKind::io, [&] { open_layout(directory_ / "file", ""); });
    EXPECT_NE(error.hint().find("oci-archive"), std::string::npos);
}

TEST_F(LayoutSourceTest, RefusesBadIndexes) {
    layout_.index({});
    refused(ErrorKind::not_found);
    layout_.files()["index.json"] = std::string(kMaxDocument + 1, ' ');
    refused(ErrorKind::too_large);
    layout_.files()["index.json"] = R"({"schemaVersion":2,"manifests":[],"layers":[]})";
    refused(ErrorKind::invalid);
    layout_.files().erase("index.json");
    fs::remove(directory_ / "index.json");
    refused(ErrorKind::not_found);
}

TEST_F(LayoutSourceTest, EscapesHostileTags) {
    const Json image = layout_.image("amd64", {"a"});
    layout_.index(
        {tagged(image, "../\n\x1b[2J"), tagged(layout_.image("amd64", {"b"}), std::string(10'000, 'x'))});
    refused(ErrorKind::not_found);  // expect_error looks for control characters
    refused(ErrorKind::not_found, "y");
}

// Row 84.
TEST_F(LayoutSourceTest, RefusesBlobsThatAreNoFiles) {
    const Json image = layout_.image("amd64", {"layer"});
    layout_.index({image});
    const std::string content = layout_.files().at(LayoutBuilder::blob_path(image));
    layout_.files().erase(LayoutBuilder::blob_path(image));
    const fs::path path = directory_ / LayoutBuilder::blob_path(image);
    refused(ErrorKind::not_found);

    write_file(directory_ / "elsewhere", content);
    fs::create_symlink(directory_ / "elsewhere", path);
    refused(ErrorKind::invalid);
    fs::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    refused(ErrorKind::invalid);
    fs::remove(path);
    fs::create_directory(path);
    refused(ErrorKind::invalid);
}

TEST_F(LayoutSourceTest, FollowsNoLinkedDirectories) {
    const Json image = layout_.image("amd64", {"layer"});
    layout_.index({image});
    layout_.write(directory_.path());
    fs::rename(directory_ / "blobs/sha256", directory_ / "other");
    fs::create_symlink(directory_ / "other", directory_ / "blobs/sha256");
    EXPECT_THROW(open_image(open_layout(directory_.path(), ""), std::nullopt), Error);
    fs::remove(directory_ / "index.json");
    fs::create_symlink("/etc/passwd", directory_ / "index.json");
    expect_error(ErrorKind::invalid, [&] { open_image(open_layout(directory_.path(), ""), std::nullopt); });
}

TEST_F(LayoutSourceTest, NamesBothSizesOfABlob) {
    const Json image = layout_.image("amd64", {"layer"});
    layout_.index({image});
    layout_.files().at(LayoutBuilder::blob_path(image)) += "x";
    const Error error = refused(ErrorKind::digest_mismatch);
    const std::size_t size = image.at("size");
    EXPECT_NE(error.message().find(concat("expected ", size, " bytes, got ", size + 1)), std::string::npos)
        << error.message();
}

// What a whole import would see of an image, for comparison.
std::string summary(const Image& image) {
    std::string out = image.manifest.digest.to_string() + image.manifest.raw + image.config.raw;
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        LayerBlob blob = image.source->open_layer(image.manifest, image.config, i);
        VerifiedSource verified(std::move(blob.bytes), blob.digest, blob.size);
        out += read_all(verified, 1000, "layer");
        verified.finish();
    }
    return out;
}

// The layout's files in memory: thousands of damaged ones are quickly opened.
class MemoryFiles final : public LayoutFiles {
  public:
    explicit MemoryFiles(const std::map<std::string, std::string>& files) : files_(files) {}
    File open(const std::string& path) const override {
        const auto found = files_.find(path);
        if (found == files_.end()) throw Error(ErrorKind::not_found, "no file");
        return {.bytes = std::make_unique<MemorySource>(as_bytes(found->second)),
                .size = found->second.size()};
    }

  private:
    const std::map<std::string, std::string>& files_;
};

// Rows 66 and 67: every byte of every file damaged or cut off gives an error or the same image, never another
// one.
TEST_F(LayoutSourceTest, EveryBitFlipAndTruncation) {
    layout_.index({tagged(for_platform(layout_.image("amd64", {"layer"}), "linux", "amd64"), "1")});
    const auto outcome = [this] {
        return summary(open_image(open_layout_files(std::make_unique<MemoryFiles>(layout_.files()), "x", ""),
                                  std::nullopt));
    };
    const std::string good = outcome();
    std::size_t errors = 0;
    const auto check = [&](const std::string& path, bool must_fail) {
        try {
            EXPECT_EQ(outcome(), good) << path;
            EXPECT_FALSE(must_fail) << path;
        } catch (const Error& error) {
            EXPECT_NE(exit_status(error.kind()), 2) << error.message();
            ++errors;
        }
    };
    for (auto& [path, content] : layout_.files()) {
        const bool is_blob = path.starts_with("blobs/");
        const std::string original = content;
        for (std::size_t i = 0; i < original.size(); ++i) {
            for (const unsigned bit : {0U, 1U, 2U, 5U, 7U}) {
                content[i] = static_cast<char>(static_cast<unsigned char>(original[i]) ^ (1U << bit));
                check(path, is_blob);
            }
            content = original.substr(0, i);
            check(path, is_blob);
            content = original;
        }
        content = original + "x";
        check(path, true);
        content = original;
    }
    EXPECT_GT(errors, 4000U);
}

}  // namespace
}  // namespace osb::oci

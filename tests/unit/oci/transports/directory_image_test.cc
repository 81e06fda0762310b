#include "oci/transports/directory_image.hh"

#include <gtest/gtest.h>

#include "oci/documents/manifest_writer.hh"
#include "oci/transports/image.hh"
#include "tests/support/small_file.hh"
#include "tests/unit/oci/image_writing.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

const std::string kVersion = "Directory Transport Version: 1.1\n";

// The hexadecimal digits of a descriptor's digest.
std::string hex_of(const Json& descriptor) {
    const std::string digest = descriptor.at("digest");
    return digest.substr(digest.find(':') + 1);
}

class DirectoryImage : public testing::Test {
  protected:
    // Writes the image of a layout as dir: has it.
    void write_directory(LayoutBuilder& layout, const std::string& root) {
        write_file(path_ + "/version", kVersion);
        write_file(path_ + "/manifest.json", root);
        for (const auto& [path, content] : layout.files()) {
            if (path.starts_with("blobs/")) write_file(path_ + path.substr(path.rfind('/')), content);
        }
    }
    std::string content_of(const LayoutBuilder& layout, const Json& descriptor) {
        LayoutBuilder copy = layout;
        return copy.files().at(LayoutBuilder::blob_path(descriptor));
    }
    std::string layer_text(const Image& image) {
        VerifiedSource bytes(image.source->open_blob(image.manifest.layers.at(0)),
                             image.manifest.layers.at(0).digest, std::nullopt);
        std::string out = read_all(bytes, 1000, "layer");
        bytes.finish();
        return out;
    }
    std::string put(const std::string& text) { return put_test_image(*create_directory_sink(path_), text); }

    TempDirectory directory_;
    std::string path_ = directory_ / "image";
};

TEST_F(DirectoryImage, ReadsAnImage) {
    LayoutBuilder layout;
    const std::string manifest = content_of(layout, Json(layout.image("amd64", {"layer"})));
    write_directory(layout, manifest);
    write_file(path_ + "/signature-1", "not read");
    const Image image = open_image(open_directory_image(path_), std::nullopt);
    EXPECT_EQ(image.manifest.raw, manifest);
    EXPECT_EQ(layer_text(image), "layer");
}

TEST_F(DirectoryImage, ReadsTheManifestsOfAnIndexByTheirOwnNames) {
    LayoutBuilder layout;
    const Json amd64 = for_platform(layout.image("amd64", {"a"}), "linux", "amd64");
    const Json arm64 = for_platform(layout.image("arm64", {"b"}), "linux", "arm64");
    write_directory(layout, LayoutBuilder::index_json({amd64, arm64}).dump());
    for (const Json& one : {amd64, arm64}) {
        std::filesystem::rename(path_ + "/" + hex_of(one), path_ + "/" + hex_of(one) + ".manifest.json");
    }
    EXPECT_EQ(layer_text(open_image(open_directory_image(path_), Platform::parse("linux/arm64"))), "b");
    EXPECT_EQ(layer_text(open_image(open_directory_image(path_), Platform::parse("linux/amd64"))), "a");
    std::filesystem::remove(path_ + "/" + hex_of(arm64) + ".manifest.json");
    expect_error(ErrorKind::not_found,
                 [&] { open_image(open_directory_image(path_), Platform::parse("linux/arm64")); });
}

TEST_F(DirectoryImage, RefusesOtherDirectories) {
    expect_error(ErrorKind::not_found, [&] { open_directory_image(path_); });
    std::filesystem::create_directory(path_);
    expect_error(ErrorKind::invalid, [&] { open_directory_image(path_); });
    write_file(path_ + "/oci-layout", "{}");
    EXPECT_NE(expect_error(ErrorKind::invalid, [&] { open_directory_image(path_); }).hint().find("oci:"),
              std::string::npos);
    expect_error(ErrorKind::invalid, [&] { create_directory_sink(path_); });
    write_file(path_ + "/version", "Directory Transport Version: 2.0\n");
    expect_error(ErrorKind::unsupported, [&] { open_directory_image(path_); });
    expect_error(ErrorKind::unsupported, [&] { create_directory_sink(path_); });
    write_file(path_ + "/version", std::string(10'000, 'x'));
    expect_error(ErrorKind::too_large, [&] { open_directory_image(path_); });
}

TEST_F(DirectoryImage, LinksInTheDirectoryAreRefused) {
    LayoutBuilder layout;
    write_directory(layout, "{}");
    std::filesystem::remove(path_ + "/manifest.json");
    std::filesystem::create_symlink("/etc/passwd", path_ + "/manifest.json");
    expect_error(ErrorKind::invalid, [&] { open_image(open_directory_image(path_), std::nullopt); });
}

TEST_F(DirectoryImage, AVersionWithoutALineFeed) {
    LayoutBuilder layout;
    write_directory(layout, content_of(layout, layout.image("amd64", {"layer"})));
    write_file(path_ + "/version", "Directory Transport Version: 1.1");
    EXPECT_EQ(open_image(open_directory_image(path_), std::nullopt).manifest.layers.size(), 1U);
}

TEST_F(DirectoryImage, DamageIsNoticed) {
    LayoutBuilder layout;
    const Json descriptor = layout.image("amd64", {"layer"});
    write_directory(layout, content_of(layout, descriptor));
    const std::string layer = Digest::of(as_bytes("layer")).hex();
    const Image image = open_image(open_directory_image(path_), std::nullopt);
    write_file(path_ + "/" + layer, "lay");
    expect_error(ErrorKind::digest_mismatch, [&] { layer_text(image); });
    write_file(path_ + "/" + layer, "lAyer");
    expect_error(ErrorKind::digest_mismatch, [&] { layer_text(image); });
}

TEST_F(DirectoryImage, WhatIsWrittenIsReadBack) {
    const std::string manifest = put("one");
    const Image image = open_image(open_directory_image(path_), std::nullopt);
    EXPECT_EQ(image.manifest.raw, manifest);
    EXPECT_EQ(test::get_file(path_ + "/version"), kVersion);
    EXPECT_EQ(test_names_in(path_).size(), 4U);  // version, manifest.json, config, layer
}

TEST_F(DirectoryImage, ANewImageReplacesTheOldOneAndItsSignatures) {
    put("one");
    const std::string layer = std::string(64, 'a');
    for (const std::string& name :
         {std::string("signature-1"), layer, layer + ".manifest.json", layer + ".signature-2"})
        write_file(path_ + "/" + name, "old");
    for (const char* name : {"notes", "signature-x", "abc"}) write_file(path_ + "/" + name, "kept");
    const std::string manifest = put("two");
    EXPECT_EQ(open_directory_image(path_)->root().raw, manifest);
    EXPECT_EQ(test_names_in(path_).size(), 4U + 3U);
    EXPECT_TRUE(std::filesystem::exists(path_ + "/signature-x"));
    EXPECT_FALSE(std::filesystem::exists(path_ + "/signature-1"));
}

TEST_F(DirectoryImage, AnUnfinishedImageLeavesTheOldOne) {
    const std::string manifest = put("one");
    {
        const auto sink = create_directory_sink(path_);
        const auto upload = sink->start_blob(std::nullopt);
        upload->write(as_bytes("text"));
        expect_error(ErrorKind::digest_mismatch, [&] { upload->finish(Digest::of(as_bytes("other"))); });
        const auto whole = sink->start_blob(std::nullopt);
        whole->write(as_bytes("text"));
        whole->finish(Digest::of(as_bytes("text")));
    }
    const Image image = open_image(open_directory_image(path_), std::nullopt);
    EXPECT_EQ(image.manifest.raw, manifest);
    layer_text(image);
    put("two");
    EXPECT_EQ(test_names_in(path_).size(), 4U);
}

TEST_F(DirectoryImage, OneWriterAtATime) {
    auto sink = create_directory_sink(path_);
    expect_error(ErrorKind::io, [&] { create_directory_sink(path_); });
    sink.reset();
    create_directory_sink(path_);
}

TEST_F(DirectoryImage, ABlobOfAnotherContentIsNotThere) {
    const auto sink = create_directory_sink(path_);
    const Descriptor blob = describe(kMediaTypeLayer, "layer");
    EXPECT_FALSE(sink->has_blob(blob));
    write_file(path_ + "/" + blob.digest.hex(), "lAyer");
    EXPECT_FALSE(sink->has_blob(blob));
    write_file(path_ + "/" + blob.digest.hex(), "layer");
    EXPECT_TRUE(sink->has_blob(blob));
}

}  // namespace
}  // namespace osb::oci

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "oci/transports/archive_index.hh"
#include "oci/transports/docker_archive_source.hh"
#include "oci/transports/image.hh"
#include "oci/transports/oci_archive_source.hh"
#include "tests/support/compress.hh"
#include "tests/support/tar_builder.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

using test::gzip;
using test::TarBuilder;

std::string layer_text(const Image& image, std::size_t index) {
    LayerBlob blob = image.source->open_layer(image.manifest, image.config, index);
    EXPECT_EQ(blob.compression, Compression::none);
    VerifiedSource verified(std::move(blob.bytes), blob.digest, blob.size);
    std::string out = read_all(verified, 1000, "layer");
    verified.finish();
    return out;
}

class ArchiveTest : public testing::Test {
  protected:
    std::string file(const std::string& content) {
        const std::string path = directory_ / "archive.tar";
        write_file(path, content);
        return path;
    }
    std::string read(const ArchiveIndex& index, const std::string& path) {
        return read_all(*index.open(path), 1000, "member");
    }
    Error refused(ErrorKind kind, const std::string& content) {
        return expect_error(kind, [&] { const ArchiveIndex index(file(content)); });
    }
    Image open_docker(const std::string& content, const std::string& tag = "") {
        return open_image(open_docker_archive(file(content), tag), std::nullopt);
    }

    TempDirectory directory_;
};

TEST_F(ArchiveTest, IndexFindsMembers) {
    const ArchiveIndex index(file(TarBuilder()
                                      .file("./a", "A")
                                      .directory("dir/")
                                      .file("dir//b", std::string(600, 'B'))
                                      .directory("dir/")
                                      .file("empty", "")
                                      .finish()));
    EXPECT_EQ(read(index, "a"), "A");
    EXPECT_EQ(read(index, "./dir/b"), std::string(600, 'B'));
    EXPECT_EQ(index.size("dir/b"), 600U);
    EXPECT_EQ(read(index, "empty"), "");
    EXPECT_TRUE(index.contains("a"));
    EXPECT_FALSE(index.contains("c"));
    expect_error(ErrorKind::not_found, [&] { index.open("c"); });
    expect_error(ErrorKind::not_found, [&] { index.open("dir"); });
    expect_error(ErrorKind::not_found, [&] { index.open("../a"); });
}

TEST_F(ArchiveTest, MembersOutliveTheIndex) {
    auto index = std::make_unique<ArchiveIndex>(file(TarBuilder().file("a", "A").finish()));
    const std::unique_ptr<Source> member = index->open("a");
    index.reset();
    EXPECT_EQ(read_all(*member, 10, "member"), "A");
}

TEST_F(ArchiveTest, LinksStayWithinTheArchive) {
    TarBuilder tar;
    tar.file("x/layer.tar", "X")
        .symlink("y/layer.tar", "../x/layer.tar")
        .symlink("z", "y/layer.tar")
        .hardlink("h", "x/layer.tar")
        .symlink("out", "../../etc/passwd")
        .symlink("outer", "/etc/passwd")
        .symlink("absolute", "/x/layer.tar")
        .symlink("w/layer.tar", "../../x/layer.tar")
        .symlink("loop", "loop")
        .symlink("dangling", "nothing");
    const ArchiveIndex index(file(tar.finish()));
    EXPECT_EQ(read(index, "y/layer.tar"), "X");
    EXPECT_EQ(read(index, "z"), "X");
    EXPECT_EQ(read(index, "h"), "X");
    EXPECT_EQ(index.size("z"), 1U);
    expect_error(ErrorKind::invalid, [&] { index.open("out"); });
    expect_error(ErrorKind::invalid, [&] { index.open("outer"); });
    // As Docker follows them: moby/moby#24951.
    EXPECT_EQ(read(index, "absolute"), "X");
    EXPECT_EQ(read(index, "w/layer.tar"), "X");
    expect_error(ErrorKind::invalid, [&] { index.open("loop"); });
    expect_error(ErrorKind::not_found, [&] { index.open("dangling"); });
}

// Its content does not lie in the archive as it is: what was read was other bytes of the archive.
TEST_F(ArchiveTest, SparseMembersAreNotRead) {
    const std::string sparse =
        TarBuilder()
            .pax({{"GNU.sparse.size", "2000"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "1000,1"}})
            .file("holes", "x")
            .file("plain", "y")
            .finish();
    const ArchiveIndex index(file(sparse));
    EXPECT_EQ(read(index, "plain"), "y");
    EXPECT_TRUE(index.contains("holes"));
    expect_error(ErrorKind::unsupported, [&] { index.open("holes"); });
}

TEST_F(ArchiveTest, BoundsLinkHops) {
    TarBuilder tar;
    tar.file("0", "X");
    for (int i = 1; i <= 9; ++i) tar.symlink(std::to_string(i), std::to_string(i - 1));
    const ArchiveIndex index(file(tar.finish()));
    EXPECT_EQ(read(index, "8"), "X");
    expect_error(ErrorKind::invalid, [&] { index.open("9"); });
}

TEST_F(ArchiveTest, RefusesHostileArchives) {
    refused(ErrorKind::invalid, TarBuilder().file("a", "1").file("./a", "2").finish());
    refused(ErrorKind::invalid, TarBuilder().file("a", "1").file("a", "12").finish());
    refused(ErrorKind::invalid, TarBuilder().file("a", "1").symlink("a", "b").finish());
    refused(ErrorKind::invalid, TarBuilder().symlink("a", "b").symlink("a", "b").finish());
    refused(ErrorKind::invalid, TarBuilder().file("../a", "1").finish());
    refused(ErrorKind::invalid, "");
    refused(ErrorKind::invalid, std::string(1024, '\0'));
    refused(ErrorKind::invalid, std::string(2048, 'x'));
    const std::string cut = TarBuilder().file("a", std::string(2000, 'x')).bytes();
    refused(ErrorKind::invalid, cut.substr(0, 1024));
}

// bazelbuild/rules_docker#1420
TEST_F(ArchiveTest, EqualMembersAreOne) {
    const std::string large(600'000, 'x');
    const ArchiveIndex index(file(TarBuilder()
                                      .file("a/layer.tar", large)
                                      .file("a/VERSION", "")
                                      .file("./a/layer.tar", large)
                                      .file("a/VERSION", "")
                                      .finish()));
    EXPECT_EQ(index.size("a/layer.tar"), large.size());
    std::string other = large;
    other.back() = 'y';
    refused(ErrorKind::invalid, TarBuilder().file("a", large).file("a", other).finish());
    const std::string whole = TarBuilder().file("a", large).file("a", large).bytes();
    refused(ErrorKind::invalid, whole.substr(0, whole.size() - 1024));
}

TEST_F(ArchiveTest, RefusesTooManyMembers) {
    TarBuilder tar;
    for (int i = 0; i <= 100'000; ++i) tar.directory("d/");
    refused(ErrorKind::too_large, tar.finish());
}

// `docker save | gzip` is the usual way to carry an image.
TEST_F(ArchiveTest, CompressedArchives) {
    const std::string plain = TarBuilder().file("a", "A").file("dir/b", std::string(70000, 'B')).finish();
    for (const std::string& bytes : {gzip(plain), test::zstd(plain), test::xz(plain), test::bzip2(plain),
                                     gzip(plain.substr(0, 1000)) + gzip(plain.substr(1000))}) {
        const ArchiveIndex index(file(bytes));
        EXPECT_EQ(read(index, "a"), "A");
        EXPECT_EQ(index.size("dir/b"), 70000U);
    }
    const std::string packed = gzip(plain);
    refused(ErrorKind::invalid, packed.substr(0, packed.size() - 20));
    refused(ErrorKind::invalid, packed.substr(0, packed.size() - 1));
    refused(ErrorKind::invalid, packed + "rubbish");
    refused(ErrorKind::invalid, gzip(packed));
    refused(ErrorKind::invalid, gzip("x"));
    refused(ErrorKind::invalid, test::xz(plain).substr(0, 200));
    refused(ErrorKind::invalid, test::xz(plain) + "rubbish");
    refused(ErrorKind::invalid, test::bzip2(plain).substr(0, 100));
    refused(ErrorKind::invalid, test::bzip2(plain) + "rubbish");
    EXPECT_NE(refused(ErrorKind::invalid, "BZh9").message().find("bzip2"), std::string::npos);
}

TEST_F(ArchiveTest, RefusesDirectoriesAndMissingFiles) {
    expect_error(ErrorKind::not_found, [&] { const ArchiveIndex index(directory_ / "none"); });
    const Error error =
        expect_error(ErrorKind::invalid, [&] { const ArchiveIndex index(directory_.path()); });
    EXPECT_NE(error.hint().find("oci:"), std::string::npos);
}

TEST_F(ArchiveTest, ReadsAPipe) {
    LayoutBuilder layout;
    layout.index({layout.image("amd64", {"layer"})});
    const std::string content = layout.tar();
    const std::string fifo = directory_ / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    std::thread writer([&] { write_file(fifo, content); });
    const Image image = open_image(open_oci_archive(fifo, ""), std::nullopt);
    writer.join();
    EXPECT_EQ(layer_text(image, 0), "layer");
}

TEST_F(ArchiveTest, ReadsStandardInput) {
    LayoutBuilder layout;
    layout.index({layout.image("amd64", {"layer"})});
    const std::string path = file(layout.tar());
    const int saved = ::dup(STDIN_FILENO);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    ASSERT_GE(::dup2(fd, STDIN_FILENO), 0);
    EXPECT_EQ(layer_text(open_image(open_oci_archive("-", ""), std::nullopt), 0), "layer");
    ::dup2(saved, STDIN_FILENO);
    ::close(saved);
    ::close(fd);
}

TEST_F(ArchiveTest, OciArchive) {
    LayoutBuilder layout;
    const Json a = layout.image("amd64", {"a"});
    const Json b = layout.image("amd64", {"b"});
    layout.index({tagged(a, "1"), tagged(b, "2")});
    for (const char* prefix : {"", "./"}) {
        const std::string path = file(layout.tar(prefix));
        EXPECT_EQ(layer_text(open_image(open_oci_archive(path, "2"), std::nullopt), 0), "b");
        expect_error(ErrorKind::not_found, [&] { open_oci_archive(path, "3")->root(); });
    }
    const Error error = expect_error(ErrorKind::invalid, [&] {
        open_oci_archive(file(TarBuilder().file("manifest.json", "[]").finish()), "");
    });
    EXPECT_NE(error.hint().find("docker-archive"), std::string::npos);
    expect_error(ErrorKind::invalid,
                 [&] { open_oci_archive(file(TarBuilder().file("x", "").finish()), ""); });
}

// An archive as docker 1.10 to 24 wrote it: two images that share a layer through a symbolic link.
std::string docker_archive(const std::string& first_layer = "one") {
    const Json manifest =
        Json::array({{{"Config", "c1.json"},
                      {"RepoTags", {"localhost/os:1", "os:latest"}},
                      {"Layers", {"l1/layer.tar", "l2/layer.tar"}}},
                     {{"Config", "c2.json"}, {"RepoTags", nullptr}, {"Layers", {"l3/layer.tar"}}}});
    return TarBuilder()
        .file("l1/layer.tar", first_layer)
        .file("l2/layer.tar", "two")
        .symlink("l3/layer.tar", "../l2/layer.tar")
        .file("c1.json", LayoutBuilder::config("amd64", {"one", "two"}))
        .file("c2.json", LayoutBuilder::config("arm64", {"two"}))
        .file("manifest.json", manifest.dump())
        .finish();
}

std::string docker_archive_of(const Json& manifest, const std::string& config) {
    return TarBuilder().file("l", "one").file("c", config).file("manifest.json", manifest.dump()).finish();
}

TEST_F(ArchiveTest, DockerArchive) {
    for (const char* tag :
         {"localhost/os:1", "os", "os:latest", "docker.io/library/os:latest", "library/os"}) {
        const Image image = open_docker(docker_archive(), tag);
        EXPECT_EQ(image.config.platform.to_string(), "linux/amd64");
        EXPECT_EQ(image.manifest.media_type, kMediaTypeDockerManifest);
        EXPECT_EQ(layer_text(image, 0), "one");
        EXPECT_EQ(layer_text(image, 1), "two");
    }
    for (const char* tag : {"", "os:2", "localhost/os"}) {
        const Error error = expect_error(ErrorKind::not_found, [&] { open_docker(docker_archive(), tag); });
        EXPECT_NE(error.message().find("'localhost/os:1'"), std::string::npos) << error.message();
    }
}

TEST_F(ArchiveTest, DockerArchiveByPosition) {
    EXPECT_EQ(open_docker(docker_archive(), "@0").config.platform.architecture, "amd64");
    EXPECT_EQ(open_docker(docker_archive(), "@1").config.platform.architecture, "arm64");
    expect_error(ErrorKind::not_found, [&] { open_docker(docker_archive(), "@2"); });
}

TEST_F(ArchiveTest, DockerArchiveWithCompressedLayerIsTheSameImage) {
    const Image plain = open_docker(docker_archive(), "os");
    EXPECT_EQ(layer_text(open_docker(gzip(docker_archive()), "os"), 0), "one");
    const Image compressed = open_docker(docker_archive(gzip("one")), "os");
    EXPECT_EQ(layer_text(compressed, 0), "one");
    EXPECT_EQ(layer_text(compressed, 1), "two");
    EXPECT_EQ(compressed.config.raw, plain.config.raw);
    EXPECT_EQ(layer_text(open_docker(docker_archive(test::xz("one")), "os"), 0), "one");
    const Image wrong = open_docker(docker_archive(gzip("two")), "os");
    expect_error(ErrorKind::digest_mismatch, [&] { layer_text(wrong, 0); });
    const Image broken = open_docker(docker_archive(gzip("one").substr(0, 15)), "os");
    expect_error(ErrorKind::invalid, [&] { layer_text(broken, 0); });
}

TEST_F(ArchiveTest, DockerArchiveIsDeterministic) {
    EXPECT_EQ(open_docker(docker_archive(), "os").manifest.raw,
              open_docker(docker_archive(), "os").manifest.raw);
}

TEST_F(ArchiveTest, DockerArchiveOnlyImageNeedsNoTag) {
    const Json manifest = Json::array({{{"Config", "c"}, {"RepoTags", nullptr}, {"Layers", {"l"}}}});
    EXPECT_EQ(
        layer_text(open_docker(docker_archive_of(manifest, LayoutBuilder::config("amd64", {"one"}))), 0),
        "one");
}

TEST_F(ArchiveTest, DockerArchiveWithAnImageForEachTag) {
    const std::string config = LayoutBuilder::config("amd64", {"one"});
    const Json one = {{"Config", "c"}, {"RepoTags", {"a:1"}}, {"Layers", {"l"}}};
    const Json two = {{"Config", "c"}, {"RepoTags", {"a:2"}}, {"Layers", {"l"}}};
    EXPECT_EQ(layer_text(open_docker(docker_archive_of({one, two}, config)), 0), "one");
    const Json other = {{"Config", "d"}, {"RepoTags", {"b:1"}}, {"Layers", {"l"}}};
    expect_error(ErrorKind::not_found, [&] { open_docker(docker_archive_of({one, other}, config)); });
}

TEST_F(ArchiveTest, DockerArchiveRefusesBadContent) {
    const std::string config = LayoutBuilder::config("amd64", {"one"});
    const auto refuse = [&](ErrorKind kind, const Json& manifest) {
        return expect_error(kind, [&] { open_docker(docker_archive_of(manifest, config)); });
    };
    refuse(ErrorKind::not_found, Json::array());
    refuse(ErrorKind::invalid, Json::object());
    refuse(ErrorKind::invalid, Json::array({1}));
    refuse(ErrorKind::invalid, Json::array({{{"Layers", {"l"}}}}));
    refuse(ErrorKind::invalid, Json::array({{{"Config", "c"}, {"Layers", {1}}}}));
    refuse(ErrorKind::invalid, Json::array({{{"Config", "c"}, {"Layers", "l"}}}));
    refuse(ErrorKind::not_found, Json::array({{{"Config", "../c"}, {"Layers", {"l"}}}}));
    refuse(ErrorKind::not_found, Json::array({{{"Config", "c"}, {"Layers", {"\x1b[2J"}}}}));
    const Error count = refuse(ErrorKind::invalid, Json::array({{{"Config", "c"}, {"Layers", {"l", "l"}}}}));
    EXPECT_NE(count.message().find("1 diff_ids"), std::string::npos) << count.message();
    EXPECT_NE(count.message().find("2 layers"), std::string::npos) << count.message();
    const std::string not_json = TarBuilder().file("manifest.json", "[{").finish();
    expect_error(ErrorKind::invalid, [&] { open_docker(not_json); });
    const std::string layout = TarBuilder().file("oci-layout", "{}").finish();
    EXPECT_NE(expect_error(ErrorKind::invalid, [&] { open_docker(layout); }).hint().find("oci-archive"),
              std::string::npos);
    const std::string wrong = docker_archive_of(Json::array({{{"Config", "c"}, {"Layers", {"l"}}}}),
                                                LayoutBuilder::config("amd64", {"other"}));
    const Image image = open_docker(wrong);
    expect_error(ErrorKind::digest_mismatch, [&] { layer_text(image, 0); });
}

// Damage anywhere gives an error or the same content.
TEST_F(ArchiveTest, EveryTruncationAndFlipOfADockerArchive) {
    const std::string good = docker_archive();
    const auto outcome = [this](const std::string& content) {
        const Image image = open_docker(content, "os");
        return image.config.platform.to_string() + layer_text(image, 0) + layer_text(image, 1);
    };
    const std::string expected = outcome(good);
    std::size_t errors = 0;
    for (std::size_t i = 0; i < good.size(); i += 7) {
        std::string flipped = good;
        flipped[i] = static_cast<char>(static_cast<unsigned char>(flipped[i]) ^ 0x11U);
        for (const std::string& content : {good.substr(0, i), flipped}) {
            try {
                const std::string got = outcome(content);
                // A config has no digest in such an archive: a flip in it can change what it says, but not
                // the layers.
                EXPECT_TRUE(got.ends_with("onetwo")) << i;
                EXPECT_TRUE(got == expected || content.size() == good.size()) << i;
            } catch (const Error&) {
                ++errors;
            }
        }
    }
    EXPECT_GT(errors, 500U);
}

}  // namespace
}  // namespace osb::oci

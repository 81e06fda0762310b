#include "oci/transports/tarball_source.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "oci/transports/image.hh"
#include "tests/support/compress.hh"
#include "tests/support/tar_builder.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

using test::gzip;
using test::TarBuilder;

class Tarballs : public testing::Test {
  protected:
    std::string file(const std::string& name, const std::string& content) {
        const std::string path = directory_ / name;
        write_file(path, content);
        return path;
    }
    static Image open(const std::vector<std::string>& files, const std::string& platform = "linux/riscv64") {
        return open_image(open_tarballs(files, Platform::parse(platform)), std::nullopt);
    }
    static std::string layer_bytes(const Image& image, std::size_t index) {
        LayerBlob blob = image.source->open_layer(image.manifest, image.config, index);
        VerifiedSource verified(std::move(blob.bytes), blob.digest, blob.size);
        std::string out = read_all(verified, 1UL << 20U, "layer");
        verified.finish();
        return out;
    }

    TempDirectory directory_;
    std::string tar_ = TarBuilder().file("etc/os-release", "ID=x").finish();
};

TEST_F(Tarballs, OneLayerPerFile) {
    const std::string above = TarBuilder().file("etc/above", "2").finish();
    const Image image = open({file("base.tar", tar_), file("above.tgz", gzip(above))});
    ASSERT_EQ(image.manifest.layers.size(), 2U);
    EXPECT_EQ(image.manifest.layers[0].media_type, kMediaTypeLayer);
    EXPECT_EQ(image.manifest.layers[1].media_type, kMediaTypeLayerGzip);
    EXPECT_EQ(layer_bytes(image, 0), tar_);
    EXPECT_EQ(layer_bytes(image, 1), gzip(above));
    EXPECT_EQ(image.config.diff_ids, (std::vector{Digest::of(as_bytes(tar_)), Digest::of(as_bytes(above))}));
    EXPECT_EQ(image.config.platform.to_string(), "linux/riscv64");
}

TEST_F(Tarballs, DependOnBytesAndPlatformOnly) {
    const std::string one = file("one.tar", tar_);
    const std::string two = file("two.tar", tar_);
    const timespec times[2] = {{.tv_sec = 5, .tv_nsec = 0}, {.tv_sec = 5, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, two.c_str(), times, 0), 0);
    EXPECT_EQ(open({one}).manifest.raw, open({two}).manifest.raw);
    EXPECT_NE(open({one}).manifest.raw, open({one}, "linux/arm64").manifest.raw);
    EXPECT_NE(open({one}).manifest.raw, open({one, two}).manifest.raw);
}

// The time of the newest entry, in the header's octal digits.
TEST_F(Tarballs, TimeIsThatOfTheNewestEntry) {
    const auto with_time = [](const std::string& name, const std::string& octal) {
        std::string out = TarBuilder().file(name, "x").finish();
        out.replace(136, octal.size() + 1, octal + '\0');
        unsigned sum = 0;
        for (std::size_t i = 0; i < 512; ++i)
            sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(out[i]);
        char digits[9];
        std::snprintf(digits, sizeof digits, "%06o", sum);
        out.replace(148, 8, std::string(digits, 7) + ' ');
        return out;
    };
    const std::string old = file("old.tar", with_time("old", "00000001750"));
    const std::string fresh = file("new.tar", with_time("new", "00000003720"));
    EXPECT_EQ(open({old}).config.created, 1000);
    EXPECT_EQ(open({fresh, old}).config.created, 2000);
    EXPECT_EQ(open({file("bad.tar", with_time("bad", "0000000x750"))}).config.created, 0);
}

TEST_F(Tarballs, ReadsAPipe) {
    const std::string path = directory_ / "fifo";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    std::thread writer([&] { write_file(path, gzip(tar_)); });
    const Image image = open({path});
    writer.join();
    EXPECT_EQ(layer_bytes(image, 0), gzip(tar_));
}

TEST_F(Tarballs, AChangedFileIsRefused) {
    const std::string path = file("base.tar", tar_);
    const Image image = open({path});
    std::string other = tar_;
    other[600] ^= 1;
    write_file(path, other);
    expect_error(ErrorKind::digest_mismatch, [&] { layer_bytes(image, 0); });
}

TEST_F(Tarballs, RefusesWhatIsNotATar) {
    expect_error(ErrorKind::not_found, [&] { open({directory_ / "none"}); });
    expect_error(ErrorKind::invalid, [&] { open({directory_ / "."}); });
    expect_error(ErrorKind::invalid, [&] { open({file("empty", "")}); });
    expect_error(ErrorKind::invalid, [&] { open({file("text", std::string(2000, 'x'))}); });
    expect_error(ErrorKind::invalid, [&] { open({file("cut", gzip(tar_).substr(0, 60))}); });
    expect_error(ErrorKind::invalid, [&] { open({file("cut.tar", tar_.substr(0, 514))}); });
    expect_error(ErrorKind::invalid, [&] { open({file("cut.tar.xz", test::xz(tar_).substr(0, 60))}); });
    expect_error(ErrorKind::invalid, [&] { open({file("cut.tar.bz2", test::bzip2(tar_).substr(0, 60))}); });
    expect_error(ErrorKind::invalid, [&] { open({file("more.tar.bz2", test::bzip2(tar_) + "x")}); });
}

TEST_F(Tarballs, TheFirstNameMayLookLikeBzip2) {
    const std::string tar = TarBuilder().file("BZh9", "x").finish();
    EXPECT_EQ(layer_bytes(open({file("x.tar", tar)}), 0), tar);
}

// No media type of a layer names xz or bzip2: the layer is the archive inside.
TEST_F(Tarballs, ArchivesInXzAndBzip2) {
    for (const std::string& packed : {test::xz(tar_), test::bzip2(tar_)}) {
        const Image image = open({file("x.tar.packed", packed)});
        EXPECT_EQ(image.manifest.raw, open({file("x.tar", tar_)}).manifest.raw);
        EXPECT_EQ(layer_bytes(image, 0), tar_);
    }
}

}  // namespace
}  // namespace osb::oci

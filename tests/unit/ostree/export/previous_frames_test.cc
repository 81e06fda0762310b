// Frames of the previous image: the same bytes as without them, and never a wrong layer whatever the previous
// image has become meanwhile.
#include "ostree/export/previous_frames.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "ostree/export/export.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

// Counts the ranges that are read.
class RangeCounter final : public oci::ImageSource {
  public:
    explicit RangeCounter(std::shared_ptr<oci::ImageSource> inner) : inner_(std::move(inner)) {}
    oci::Document root() override { return inner_->root(); }
    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override {
        return inner_->open_blob(descriptor);
    }
    std::unique_ptr<Source> open_range(const oci::Descriptor& descriptor, std::uint64_t offset,
                                       std::uint64_t length) override {
        ++ranges;
        return inner_->open_range(descriptor, offset, length);
    }
    std::atomic<unsigned> ranges{0};

  private:
    std::shared_ptr<oci::ImageSource> inner_;
};

class PreviousFramesThreads : public ImportTest {
  protected:
    // Files of every kind of frame; `changed` is the content of one of them. `pairs`: the size of the
    // largest.
    void build(const std::string& changed, unsigned pairs = 300'000) {
        std::string binary;
        for (unsigned i = 0; i < pairs; ++i) binary += std::string(1, static_cast<char>(i * i >> 7U)) + '\0';
        bootable({TarBuilder()
                      .file("bin/binary", binary + std::string(100000, '\0') + binary.substr(1000))
                      .file("bin/zeros", std::string(400000, '\0'))
                      .file("bin/small", "#!/bin/sh\necho a text\n")
                      .file("bin/empty", "")
                      .file("bin/changed", changed)});
    }

    oci::Image image_in(const std::string& layout) {
        oci::Image out = oci::open_image(oci::open_layout(directory_ / layout, "v1"), std::nullopt);
        counter_ = std::make_shared<RangeCounter>(out.source);
        out.source = counter_;
        return out;
    }

    std::string export_to(const std::string& layout, ostree::ExportOptions options) {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const auto sink = oci::create_layout_sink(directory_ / layout, "v1");
        NoProgress progress;
        return ostree::export_commit(repository, "os/test", *sink, options, progress)
            .manifest_digest.to_string();
    }

    // The export without frames of another image, and with those of "first". Checks that both are the same,
    // and returns the number of ranges that were read.
    unsigned ranges_of(const std::string& format = "zstd:chunked", unsigned jobs = 0) {
        const oci::LayerFormat compression = oci::LayerFormat::parse(format);
        const std::string name = std::to_string(++exports_);
        const auto alone =
            export_to("alone" + name,
                      {.compression = compression, .previous = image_in("first"), .reuses_frames = false});
        EXPECT_EQ(counter_->ranges, 0U);
        const auto with = export_to(
            "with" + name, {.compression = compression, .previous = image_in("first"), .jobs = jobs});
        EXPECT_EQ(with, alone);
        return counter_->ranges;
    }

    // The largest blob of the layout "first": the layer with the files.
    std::filesystem::path blob() {
        std::filesystem::path out;
        for (const auto& entry : std::filesystem::directory_iterator(
                 std::filesystem::path(directory_ / "first") / "blobs/sha256")) {
            if (out.empty() || entry.file_size() > std::filesystem::file_size(out)) out = entry.path();
        }
        return out;
    }

    std::string contents(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    void overwrite(const std::filesystem::path& path, const std::string& bytes) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }

    std::shared_ptr<RangeCounter> counter_;
    unsigned exports_ = 0;
};

TEST_F(PreviousFramesThreads, TheSameBytesAsWithout) {
    build("one");
    export_to("first", {});
    build("two, and longer than before");
    for (const unsigned jobs : {1U, 3U}) EXPECT_GT(ranges_of("zstd:chunked", jobs), 1U) << jobs;
}

TEST_F(PreviousFramesThreads, FramesOfAnotherWriterAreNotUsed) {
    build("one");
    export_to("first", {.compression = oci::LayerFormat::parse("zstd:chunked:3")});
    build("two");
    EXPECT_EQ(ranges_of(), 0U);
    EXPECT_GT(ranges_of("zstd:chunked:3"), 1U);
    EXPECT_EQ(ranges_of("zstd:3"), 0U);
    // A repository that has not made the image knows nothing of its frames.
    std::filesystem::remove_all(repo_path() + "/extensions/osb-oci");
    EXPECT_EQ(ranges_of("zstd:chunked:3"), 0U);
}

TEST_F(PreviousFramesThreads, ADamagedImageCostsTimeOnly) {
    // 18 exports: the size of the files does not matter.
    constexpr unsigned kPairs = 50'000;
    build("one", kPairs);
    export_to("first", {});
    build("two", kPairs);
    const std::string good = contents(blob());
    const std::filesystem::path path = blob();
    // A bit of a frame, of the table, and every byte of the first half.
    for (const std::size_t at : {good.size() / 8, good.size() / 3, good.size() - 200, good.size() - 4000}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        overwrite(path, bad);
        ranges_of();
    }
    overwrite(path, std::string(good.size() / 2, 'x') + good.substr(good.size() / 2));
    EXPECT_GT(ranges_of(), 0U);
    for (const std::size_t size : {good.size() - 1, good.size() / 2, std::size_t{0}}) {
        overwrite(path, good.substr(0, size));
        ranges_of();
    }
    std::filesystem::remove(path);
    ranges_of();
    overwrite(path, good);
    EXPECT_GT(ranges_of(), 1U);
}

// A frame that decompresses, to another content of the same size.
TEST_F(PreviousFramesThreads, AnotherContentIsNoticed) {
    build("one");
    export_to("first", {});
    build("two");
    const std::string good = contents(blob());
    std::string frame;
    oci::ZstdFrames(9).compress(as_bytes("#!/bin/sh\necho a text\n"), frame, {.level = 9});
    const std::size_t at = good.find(frame);
    ASSERT_NE(at, std::string::npos);
    // The content is stored as it is in a frame that is so short.
    std::string other = frame;
    other.replace(other.find("text"), 4, "lie!");
    std::string bad = good;
    bad.replace(at, frame.size(), other);
    overwrite(blob(), bad);
    EXPECT_GT(ranges_of(), 0U);
}

}  // namespace
}  // namespace osb::test

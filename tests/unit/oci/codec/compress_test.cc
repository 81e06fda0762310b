#include "oci/codec/compress.hh"

#include <gtest/gtest.h>

#include <cstdlib>

#include "oci/codec/decompress.hh"
#include "tests/unit/oci/layout_builder.hh"
#include "tests/unit/oci/writer_test_util.hh"

namespace osb::oci {
namespace {

using MakeSink = std::function<std::unique_ptr<CompressingSink>(Sink&, TaskPool*)>;

MakeSink to_gzip(int level) {
    return [level](Sink& out, TaskPool* pool) { return gzip_sink(out, level, pool); };
}
MakeSink to_zstd(int level, ZstdFraming framing = ZstdFraming::frames) {
    return [level, framing](Sink& out, TaskPool* pool) { return zstd_sink(out, level, framing, pool); };
}

std::string compressed(const MakeSink& make, const std::string& content, unsigned threads,
                       std::size_t step = 1U << 20U) {
    TextSink out;
    with_threads(threads, [&](TaskPool* pool) {
        const auto sink = make(out, pool);
        std::string_view rest = content;
        while (!rest.empty()) {
            sink->write(as_bytes(rest.substr(0, step)));
            rest.remove_prefix(std::min(step, rest.size()));
        }
        sink->finish();
    });
    return out.text;
}

std::string decompressed(const std::string& bytes, Compression compression) {
    MemorySource source(as_bytes(bytes));
    return read_all(*decompress(source, compression), 64UL << 20U, "test");
}

// The sizes around those of pieces, of 1 MiB and 4 MiB, and of the deflate window.
const std::size_t kSizes[] = {0,       1,           100,     32768,   1048575, 1048576,
                              1048577, 2 * 1048576, 4194304, 4194305, 5000000};

TEST(CompressThreads, GzipComesBack) {
    for (const int level : {kFastGzip, 1}) {
        for (const std::size_t size : kSizes) {
            const std::string content = lines(size);
            const std::string bytes = compressed(to_gzip(level), content, 2);
            ASSERT_TRUE(decompressed(bytes, Compression::gzip) == content) << level << ' ' << size;
            // zlib's decoder too: the other is ISA-L's, as the encoder may be.
            MemorySource source(as_bytes(bytes));
            ASSERT_TRUE(read_all(*gunzip_zlib(source), 64UL << 20U, "test") == content)
                << level << ' ' << size;
        }
    }
}

TEST(CompressThreads, NoiseComesBack) {
    const std::string content = noise(1500000);
    for (const int level : {kFastGzip, 9}) {
        ASSERT_TRUE(decompressed(compressed(to_gzip(level), content, 0), Compression::gzip) == content)
            << level;
    }
    ASSERT_TRUE(decompressed(compressed(to_zstd(3), content, 0), Compression::zstd) == content);
}

TEST(CompressThreads, GzipIsOneMember) {
    const std::string bytes = compressed(to_gzip(1), lines(3000000), 2);
    const std::string magic("\x1F\x8B\x08\x00\x00\x00\x00\x00\x00\xFF", 10);
    EXPECT_EQ(bytes.substr(0, 10), magic);
    EXPECT_EQ(bytes.find(magic, 1), std::string::npos);
}

TEST(CompressThreads, ZstdComesBack) {
    for (const std::size_t size : kSizes) {
        const std::string content = lines(size);
        for (const ZstdFraming framing : {ZstdFraming::frames, ZstdFraming::single}) {
            const std::string bytes = compressed(to_zstd(1, framing), content, 2);
            ASSERT_TRUE(decompressed(bytes, Compression::zstd) == content) << size;
        }
    }
}

TEST(CompressThreads, BytesDependOnTheContentAlone) {
    const std::string content = lines(4500000) + std::string(2000000, '\0') + noise(500000);
    for (const MakeSink& make :
         {to_gzip(kFastGzip), to_gzip(1), to_zstd(1), to_zstd(1, ZstdFraming::single)}) {
        const std::string expected = compressed(make, content, 0);
        EXPECT_LT(expected.size(), content.size() / 2);
        for (const unsigned threads : {1U, 3U}) {
            EXPECT_TRUE(compressed(make, content, threads, 77777) == expected) << threads;
        }
    }
}

TEST(CompressThreads, MatchesReachAcrossPieces) {
    // Two pieces whose common part lies on both sides of their border.
    const std::string part = noise(20000);
    const std::string filler = std::string(1048576 - part.size(), 'f');
    const std::string once = compressed(to_gzip(6), filler + part, 0);
    const std::string twice = compressed(to_gzip(6), filler + part + part, 0);
    EXPECT_LT(twice.size(), once.size() + part.size() / 10);
}

TEST(CompressThreads, LevelsAreChecked) {
    TextSink out;
    expect_error(ErrorKind::usage, [&] { gzip_sink(out, 10, nullptr); });
    expect_error(ErrorKind::usage, [&] { gzip_sink(out, -1, nullptr); });
    expect_error(ErrorKind::usage, [&] { zstd_sink(out, 0, ZstdFraming::frames, nullptr); });
    expect_error(ErrorKind::usage, [&] { zstd_sink(out, 23, ZstdFraming::single, nullptr); });
}

TEST(CompressThreads, ASinkThatFailsEndsTheWork) {
    class FullSink final : public Sink {
      public:
        void write(ByteView bytes) override {
            size_ += bytes.size();
            if (size_ > 1000000) throw Error(ErrorKind::no_space, "full");
        }

      private:
        std::size_t size_ = 0;
    };
    for (const unsigned threads : {0U, 1U, 3U}) {
        FullSink out;
        expect_error(ErrorKind::no_space, [&] {
            with_threads(threads, [&](TaskPool* pool) {
                const auto sink = gzip_sink(out, 1, pool);
                for (int i = 0; i < 100; ++i)
                    sink->write(as_bytes(noise(100000, static_cast<std::uint64_t>(i) + 1)));
                sink->finish();
            });
        });
    }
}

TEST(CompressThreads, ProgramsAgree) {
    const TempDirectory directory;
    const std::string content = lines(5000000);
    write_file(directory / "plain", content);
    write_file(directory / "a.gz", compressed(to_gzip(kFastGzip), content, 2));
    write_file(directory / "b.zst", compressed(to_zstd(3), content, 2));
    const auto run = [&](const std::string& command) {
        return std::system(("cd " + directory.path() + " && " + command).c_str());  // NOLINT: a test
    };
    EXPECT_EQ(run("gzip -dc a.gz | cmp - plain"), 0);
    if (run("zstd --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no zstd";
    EXPECT_EQ(run("zstd -qdc b.zst | cmp - plain"), 0);
}

}  // namespace
}  // namespace osb::oci

#include "oci/transports/layout_sink.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "oci/documents/manifest_writer.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_source.hh"
#include "oci/transports/oci_archive_sink.hh"
#include "oci/transports/oci_archive_source.hh"
#include "tests/support/flock_hook.hh"
#include "tests/support/small_file.hh"
#include "tests/unit/oci/image_writing.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

std::string root_of(const std::shared_ptr<ImageSource>& source) {
    return source->root().raw;
}

TEST(LayoutSink, WhatIsWrittenIsReadBack) {
    const TempDirectory directory;
    const std::string layout = directory / "new";
    const std::string manifest = put_test_image(*create_layout_sink(layout, "v1"), "one");
    EXPECT_EQ(root_of(open_layout(layout, "v1")), manifest);
    EXPECT_EQ(test::get_file(layout + "/oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
    EXPECT_EQ(test_names_in(layout), (std::vector<std::string>{"blobs", "index.json", "oci-layout"}));
}

TEST(LayoutSink, OtherTagsAreKept) {
    const TempDirectory directory;
    const std::string layout = directory / "l";
    const std::string one = put_test_image(*create_layout_sink(layout, "v1"), "one");
    const std::string two = put_test_image(*create_layout_sink(layout, "v2"), "two");
    const std::string nameless = put_test_image(*create_layout_sink(layout, ""), "nameless");
    const std::string again = put_test_image(*create_layout_sink(layout, "v1"), "one, changed");
    put_test_image(*create_layout_sink(layout, ""), "nameless");
    EXPECT_EQ(root_of(open_layout(layout, "v1")), again);
    EXPECT_EQ(root_of(open_layout(layout, "v2")), two);
    const Json index = Json::parse(test::get_file(layout + "/index.json"));
    ASSERT_EQ(index["manifests"].size(), 3U);
    EXPECT_EQ(index["manifests"][2]["digest"], Digest::of(as_bytes(nameless)).to_string());
    EXPECT_FALSE(index["manifests"][2].contains("annotations"));
    EXPECT_NE(one, again);
}

TEST(LayoutSink, KeepsWhatOthersWroteIntoTheIndex) {
    const std::string other =
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" +
        std::string(64, 'a') +
        R"(","size":7,"annotations":{"org.opencontainers.image.ref.name":"x","k":"v"},"zz":[1]})";
    const std::string raw = R"({"schemaVersion":2,"manifests":[)" + other + R"(],"annotations":{"b":"c"}})";
    const std::string out = index_with_image(raw, "{}", kMediaTypeManifest, "new");
    EXPECT_NE(out.find(other), std::string::npos) << out;
    EXPECT_NE(out.find(R"("annotations":{"b":"c"})"), std::string::npos) << out;
    expect_error(ErrorKind::invalid, [] { index_with_image("{", "{}", kMediaTypeManifest, ""); });
    expect_error(ErrorKind::invalid, [] {
        index_with_image(R"({"schemaVersion":2,"manifests":1})", "{}", kMediaTypeManifest, "");
    });
}

TEST(LayoutSink, ABlobMustBeWhatItsDigestSays) {
    const TempDirectory directory;
    const auto sink = create_layout_sink(directory / "l", "");
    const Digest promised = Digest::of(as_bytes(std::string_view("promised")));
    const auto upload = sink->start_blob(8);
    upload->write(as_bytes(std::string_view("premised")));
    expect_error(ErrorKind::digest_mismatch, [&] { upload->finish(promised); });
    EXPECT_TRUE(test_names_in(directory / "l/blobs/sha256").empty());
    EXPECT_FALSE(sink->has_blob(describe("", "promised")));
    put_test_blob(*sink, "promised");
    EXPECT_TRUE(sink->has_blob(describe("", "promised")));
    Descriptor other_size = describe("", "promised");
    other_size.size = 9;
    EXPECT_FALSE(sink->has_blob(other_size));
}

TEST(LayoutSink, AFileOfThatNameAndSizeMayHoldAnything) {
    const TempDirectory directory;
    const auto sink = create_layout_sink(directory / "l", "");
    const Descriptor promised = describe("", "promised");
    const std::string path = directory / concat("l/blobs/sha256/", promised.digest.hex());
    put_test_blob(*sink, "promised");
    write_file(path, "premised");
    EXPECT_FALSE(sink->has_blob(promised));
    put_test_blob(*sink, "promised");
    EXPECT_EQ(test::get_file(path), "promised");
    EXPECT_TRUE(sink->has_blob(promised));
    std::filesystem::rename(path, directory / "elsewhere");
    std::filesystem::create_symlink(directory / "elsewhere", path);
    EXPECT_FALSE(sink->has_blob(promised));
}

TEST(LayoutSink, TakesSha512) {
    const TempDirectory directory;
    const auto sink = create_layout_sink(directory / "l", "");
    const std::string content = lines(200000);
    const auto upload = sink->start_blob(std::nullopt);
    upload->write(as_bytes(content));
    const Digest digest = Digest::of(as_bytes(content), HashAlgorithm::sha512);
    upload->finish(digest);
    EXPECT_EQ(test::get_file(directory / concat("l/blobs/sha512/", digest.hex())), content);
}

TEST(LayoutSink, WhatIsNotFinishedGoes) {
    const TempDirectory directory;
    const auto sink = create_layout_sink(directory / "l", "");
    { sink->start_blob(std::nullopt)->write(as_bytes(std::string_view("part"))); }
    EXPECT_EQ(test_names_in(directory / "l"),
              (std::vector<std::string>{"blobs", "index.json", "oci-layout"}));
}

TEST(LayoutSink, RefusesOtherDirectories) {
    const TempDirectory directory;
    write_file(directory / "full/notes.txt", "mine");
    expect_error(ErrorKind::invalid, [&] { create_layout_sink(directory / "full", ""); });
    EXPECT_EQ(test_names_in(directory / "full"), (std::vector<std::string>{"notes.txt"}));
    write_file(directory / "future/oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
    expect_error(ErrorKind::unsupported, [&] { create_layout_sink(directory / "future", ""); });
    expect_error(ErrorKind::not_found, [&] { create_layout_sink(directory / "no/parent", ""); });
    write_file(directory / "file", "");
    expect_error(ErrorKind::io, [&] { create_layout_sink(directory / "file", ""); });
    write_file(directory / "damaged/oci-layout", kLayoutMarker);
    write_file(directory / "damaged/index.json", "{");
    const auto sink = create_layout_sink(directory / "damaged", "");
    expect_error(ErrorKind::invalid, [&] { put_test_image(*sink, "x"); });
    EXPECT_EQ(test::get_file(directory / "damaged/index.json"), "{");
}

TEST(LayoutSink, LinksOutOfTheLayoutAreNotFollowed) {
    const TempDirectory directory;
    write_file(directory / "l/oci-layout", kLayoutMarker);
    std::filesystem::create_directory(directory / "outside");
    std::filesystem::create_symlink("../outside", directory / "l/blobs");
    EXPECT_THROW(create_layout_sink(directory / "l", ""), Error);
    EXPECT_TRUE(test_names_in(directory / "outside").empty());
}

TEST(LayoutSink, SeveralWritersKeepEachOthersTags) {
    const TempDirectory directory;
    const std::string layout = directory / "l";
    constexpr int kWriters = 4;
    constexpr int kEach = 5;
    std::vector<pid_t> children;
    for (int w = 0; w < kWriters; ++w) {
        const pid_t child = ::fork();
        if (child == 0) {
            int status = 0;
            try {
                for (int i = 0; i < kEach; ++i)
                    put_test_image(*create_layout_sink(layout, concat('t', w, '-', i)), concat(w, ' ', i));
            } catch (...) {
                status = 1;
            }
            ::_exit(status);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(Json::parse(test::get_file(layout + "/index.json"))["manifests"].size(),
              static_cast<std::size_t>(kWriters * kEach));
    EXPECT_EQ(test_names_in(layout), (std::vector<std::string>{"blobs", "index.json", "oci-layout"}));
}

TEST(LayoutSink, AKilledWriterLeavesAValidLayout) {
    const TempDirectory directory;
    const std::string layout = directory / "l";
    put_test_image(*create_layout_sink(layout, "good"), "good");
    for (int round = 0; round < 10; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                const auto held = create_layout_sink(layout, "")->start_blob(std::nullopt);
                held->write(as_bytes(std::string_view("half")));
                for (int i = 0;; ++i)
                    put_test_image(*create_layout_sink(layout, "good"), concat("image ", i));
            } catch (...) {
                ::_exit(1);
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5 + round * 3));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        const auto source = open_layout(layout, "good");
        EXPECT_NO_THROW(open_image(source, Platform{.os = "linux", .architecture = "amd64", .variant = ""}));
    }
    create_layout_sink(layout, "");
    EXPECT_EQ(test_names_in(layout), (std::vector<std::string>{"blobs", "index.json", "oci-layout"}));
}

TEST(OciArchiveSink, WhatIsWrittenIsReadBack) {
    const TempDirectory directory;
    const std::string file = directory / "a.tar";
    std::string manifest;
    {
        const auto sink = create_oci_archive_sink(file, "v1");
        EXPECT_FALSE(sink->has_blob(describe("", "blob")));
        put_test_blob(*sink, "blob");
        put_test_blob(*sink, "blob");
        EXPECT_TRUE(sink->has_blob(describe("", "blob")));
        EXPECT_FALSE(std::filesystem::exists(file));
        manifest = put_test_image(*sink, "one");
    }
    EXPECT_EQ(root_of(open_oci_archive(file, "v1")), manifest);
    EXPECT_EQ(test_names_in(directory.path()), (std::vector<std::string>{"a.tar"}));
    EXPECT_EQ(std::filesystem::file_size(file) % 512, 0U);
}

TEST(OciArchiveSink, SameImageSameBytes) {
    const TempDirectory directory;
    for (const char* name : {"a", "b"})
        put_test_image(*create_oci_archive_sink(directory / name, "t"), "same");
    EXPECT_TRUE(test::get_file(directory / "a") == test::get_file(directory / "b"));
}

TEST(OciArchiveSink, AnImageThatIsNotFinishedReplacesNothing) {
    const TempDirectory directory;
    write_file(directory / "a.tar", "old");
    write_file(directory / "a.tar.tmp", "left by a killed writer");
    {
        const auto sink = create_oci_archive_sink(directory / "a.tar", "");
        put_test_blob(*sink, "blob");
        expect_error(ErrorKind::io, [&] { create_oci_archive_sink(directory / "a.tar", ""); });
    }
    EXPECT_EQ(test::get_file(directory / "a.tar"), "old");
    EXPECT_EQ(test_names_in(directory.path()), (std::vector<std::string>{"a.tar"}));
}

// The other process finishes between the opening of its file and the attempt to lock it.
TEST(OciArchiveSink, AnArchiveThatIsFinishedMeanwhileIsNotWrittenInto) {
    const TempDirectory directory;
    auto first = create_oci_archive_sink(directory / "a.tar", "v1");
    std::string manifest;
    {
        const osb::test::FlockHook hook([&] {
            if (first) {
                manifest = put_test_image(*first, "first");
                first.reset();
            }
            return 0;
        });
        const auto second = create_oci_archive_sink(directory / "a.tar", "v2");
        EXPECT_EQ(root_of(open_oci_archive(directory / "a.tar", "v1")), manifest);
        manifest = put_test_image(*second, "second");
    }
    EXPECT_EQ(root_of(open_oci_archive(directory / "a.tar", "v2")), manifest);
    EXPECT_EQ(test_names_in(directory.path()), (std::vector<std::string>{"a.tar"}));
}

TEST(OciArchiveSink, ABlobMustBeWhatItsDigestSays) {
    const TempDirectory directory;
    const auto sink = create_oci_archive_sink(directory / "a.tar", "");
    const auto upload = sink->start_blob(1);
    upload->write(as_bytes(std::string_view("x")));
    expect_error(ErrorKind::digest_mismatch, [&] { upload->finish(Digest::of({})); });
    EXPECT_FALSE(sink->has_blob(describe("", "")));
    EXPECT_FALSE(sink->has_blob(describe("", "x")));
}

TEST(OciArchiveSinkThreads, ShareASink) {
    const TempDirectory directory;
    const auto sink = create_oci_archive_sink(directory / "a.tar", "");
    std::vector<std::thread> threads;
    for (std::uint64_t t = 1; t <= 4; ++t)
        threads.emplace_back([&sink, t] { put_test_blob(*sink, noise(100000, t)); });
    for (std::thread& thread : threads) thread.join();
    put_test_image(*sink, "image");
    const auto source = open_oci_archive(directory / "a.tar", "");
    for (std::uint64_t t = 1; t <= 4; ++t) {
        const auto blob = source->open_blob(describe("", noise(100000, t)));
        EXPECT_TRUE(read_all(*blob, 1U << 20U, "blob") == noise(100000, t));
    }
}

}  // namespace
}  // namespace osb::oci

#include "registry/distribution/blob_download.hh"

#include "oci/codec/verified_source.hh"
#include "tests/support/compress.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class BlobDownloadTest : public RegistryTest {
  protected:
    BlobDownloadTest() { fake.add_blob(content); }

    // Spoils the first `times` answers for the blob.
    void spoil(int times, const std::function<void(FakeResponse&)>& how) {
        left_ = times;
        fake.after = [this, how](const FakeRequest& r, FakeResponse& response) {
            if (r.path.find("/blobs/") != std::string::npos && left_.fetch_sub(1) > 0) how(response);
        };
    }

    static constexpr int kAll = 1'000'000;
    const std::string content = pattern(300'000);

  private:
    std::atomic<int> left_ = 0;
};

TEST_F(BlobDownloadTest, Downloads) {
    EXPECT_EQ(download(content), content);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
    spoil(1, [](FakeResponse& r) { r.chunked = true; });
    EXPECT_EQ(download(content), content);
}

TEST_F(BlobDownloadTest, AnEmptyBlobIsOne) {
    fake.add_blob("");
    EXPECT_EQ(download(""), "");
}

TEST_F(BlobDownloadTest, ABodyThatIsLongerThanTheBlobIsRefused) {
    for (const bool chunked : {true, false}) {
        spoil(kAll, [&](FakeResponse& r) {
            r.body += 'x';
            r.chunked = chunked;
            if (!chunked) r.length = "";  // the end of the connection is the end of the body
        });
        EXPECT_EQ(failure_of([&] { download(content); }).first, ErrorKind::digest_mismatch) << chunked;
        const auto range = open_range_download(client(), descriptor(content), 1000, 500);
        EXPECT_EQ(failure_of([&] { read_all(*range, 1'000'000, "range"); }).first,
                  ErrorKind::digest_mismatch);
    }
    // One that never ends too.
    fake.add_blob("");
    spoil(kAll, [](FakeResponse& r) {
        r.body = std::string(1'000'000, 'x');
        r.chunked = true;
    });
    EXPECT_EQ(failure_of([&] { download(""); }).first, ErrorKind::digest_mismatch);
}

TEST_F(BlobDownloadTest, AResponseThatBreaksAfterTheLastByteIsWhole) {
    spoil(1, [](FakeResponse& r) {
        r.raw = concat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n", r.body, "\r\n");
    });
    EXPECT_EQ(download(content), content);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
}

// As proxies do that compress whatever they pass on, and stores that keep the header with the file.
TEST_F(BlobDownloadTest, AContentEncodingIsUndone) {
    const std::string packed = test::gzip(content);
    fake.add_blob(packed);
    for (const bool chunked : {false, true}) {
        for (const char* coding : {"gzip", "x-gzip", "GZIP"}) {
            spoil(kAll, [&](FakeResponse& r) {
                r.body = test::gzip(r.body);
                r.chunked = chunked;
                r.headers.emplace_back("Content-Encoding", coding);
            });
            EXPECT_EQ(download(content), content);
            EXPECT_EQ(download(packed), packed);  // the media type names no gzip
            EXPECT_EQ(download(packed, oci::kMediaTypeLayerGzip), packed);
        }
    }
    spoil(kAll, [](FakeResponse& r) { r.headers.emplace_back("Content-Encoding", "identity"); });
    EXPECT_EQ(download(content), content);
}

// As servers do that look at the first bytes of a file.
TEST_F(BlobDownloadTest, AContentEncodingThatOnlyNamesTheFormatOfTheBlob) {
    const std::string packed = test::gzip(content);
    fake.add_blob(packed);
    for (const bool chunked : {false, true}) {
        spoil(kAll, [chunked](FakeResponse& r) {
            r.chunked = chunked;
            r.headers.emplace_back("Content-Encoding", "gzip");
        });
        EXPECT_EQ(download(packed, oci::kMediaTypeLayerGzip), packed);
        EXPECT_EQ(download(content), content);
    }
    EXPECT_EQ(failure_of([&] { open_range_download(client(), descriptor(packed), 1000, 500); }).first,
              ErrorKind::unsupported);
    spoil(kAll, [&](FakeResponse& r) { r.headers.emplace_back("Content-Encoding", "gzip"); });
    const auto part = open_range_download(client(), descriptor(packed), 1000, 500);
    EXPECT_EQ(read_all(*part, 1'000'000, "range"), packed.substr(1000, 500));
}

TEST_F(BlobDownloadTest, AnEncodedBodyThatBreaksIsFetchedAgain) {
    spoil(2, [&](FakeResponse& r) {
        r.body = test::gzip(r.body);
        r.headers.emplace_back("Content-Encoding", "gzip");
        r.cut_after = r.body.size() / 2;
    });
    EXPECT_EQ(download(content), content);
    for (const FakeRequest& request : fake.requests()) EXPECT_EQ(request.header("range"), "");
    // In the first bytes, which select the decoder.
    spoil(1, [&](FakeResponse& r) {
        r.body = test::gzip(r.body);
        r.headers.emplace_back("Content-Encoding", "gzip");
        r.cut_after = 5;
    });
    EXPECT_EQ(download(content), content);
    // An encoding that is truncated, in a body that is whole.
    spoil(1, [&](FakeResponse& r) {
        r.body = test::gzip(r.body);
        r.body.resize(r.body.size() / 2);
        r.headers.emplace_back("Content-Encoding", "gzip");
    });
    EXPECT_EQ(download(content), content);
    spoil(kAll, [&](FakeResponse& r) {
        r.body = test::gzip(r.body);
        r.body.resize(r.body.size() / 2);
        r.headers.emplace_back("Content-Encoding", "gzip");
    });
    const auto [kind, message] = failure_of([&] { download(content); });
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_NE(message.find("content encoding"), std::string::npos) << message;
}

TEST_F(BlobDownloadTest, AnEncodedBodyIsReadUpToTheSizeOfTheBlob) {
    const std::string packed = test::gzip(content + std::string(10'000'000, '\0'));
    spoil(kAll, [&](FakeResponse& r) {
        r.body = packed;
        r.headers.emplace_back("Content-Encoding", "gzip");
    });
    const auto [kind, message] = failure_of([&] { download(content); });
    EXPECT_EQ(kind, ErrorKind::digest_mismatch) << message;
}

TEST_F(BlobDownloadTest, AnEncodingOfNothingEnds) {
    const std::string empty = test::gzip("");
    std::string members;
    while (members.size() < 2 * content.size() + (1UL << 20U)) members += empty;
    members += empty;
    spoil(kAll, [&](FakeResponse& r) {
        r.body = members;
        r.headers.emplace_back("Content-Encoding", "gzip");
    });
    const auto [kind, message] = failure_of([&] { download(content); });
    EXPECT_EQ(kind, ErrorKind::too_large) << message;
}

TEST_F(BlobDownloadTest, AnEncodedRangeIsNone) {
    const std::string packed = test::gzip(content);
    // A part of the encoded bytes, and an encoded part.
    for (const bool is_part : {true, false}) {
        spoil(kAll, [&packed, is_part](FakeResponse& r) {
            if (r.status != 206) return;
            r.headers.emplace_back("Content-Encoding", "gzip");
            r.body = is_part ? packed.substr(1000, 500) : test::gzip(r.body);
            if (!is_part) return;
            for (auto& [name, value] : r.headers)
                if (name == "Content-Range") value = concat("bytes 1000-1499/", packed.size());
        });
        bool has_thrown = false;
        try {
            open_range_download(client(), descriptor(content), 1000, 500);
        } catch (const Error& error) {
            has_thrown = true;
            EXPECT_EQ(error.code(), "no_ranges");
        }
        EXPECT_TRUE(has_thrown) << is_part;
    }
    // After a break of the whole blob, which is fetched again then.
    std::atomic<int> answers = 0;
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        if (r.path.find("/blobs/") == std::string::npos) return;
        if (answers++ == 0) response.cut_after = 100'000;
        if (response.status != 206) return;
        response.body = test::gzip(response.body);
        response.headers.emplace_back("Content-Encoding", "gzip");
    };
    EXPECT_EQ(download(content), content);
    EXPECT_EQ(answers, 3);
}

TEST_F(BlobDownloadTest, AMissingBlobIsNotFound) {
    EXPECT_EQ(failure_of([&] { download("other"); }).first, ErrorKind::not_found);
}

TEST_F(BlobDownloadTest, GoesOnWhereABreakStoppedIt) {
    for (const bool reset : {false, true}) {
        for (const bool chunked : {false, true}) {
            const std::size_t before = fake.requests().size();
            spoil(2, [&](FakeResponse& r) {
                r.cut_after = 100'000;
                r.reset = reset;
                r.chunked = chunked;
            });
            EXPECT_EQ(download(content), content);
            const auto requests = fake.requests();
            std::vector<std::string> got;
            for (std::size_t i = before; i < requests.size(); ++i) {
                if (requests[i].path != "/v2/") got.push_back(requests[i].header("range"));
            }
            ASSERT_EQ(got.size(), 3U);
            EXPECT_EQ(got[0], "");
            if (reset) continue;  // which may overtake the last bytes
            EXPECT_EQ(got[1], "bytes=100000-");
            EXPECT_EQ(got[2], "bytes=200000-");
        }
    }
}

TEST_F(BlobDownloadTest, StartsAnewWhereRangesAreNotServed) {
    fake.ranges = false;
    spoil(1, [](FakeResponse& r) { r.cut_after = 100'000; });
    EXPECT_EQ(download(content), content);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 2U);
}

TEST_F(BlobDownloadTest, Ranges) {
    const oci::Descriptor blob = descriptor(content);
    const std::vector<std::pair<std::size_t, std::size_t>> wanted{
        {0, 1}, {100'000, 50'000}, {0, content.size()}, {299'000, 1000}};
    for (const auto& [offset, length] : wanted) {
        const auto source = open_range_download(client(), blob, offset, length);
        EXPECT_EQ(read_all(*source, content.size(), "x"), content.substr(offset, length)) << offset;
    }
    // To skip to a part costs more than the part is meant to save.
    fake.ranges = false;
    EXPECT_EQ(read_all(*open_range_download(client(), blob, 0, content.size()), content.size(), "x"),
              content);
    EXPECT_EQ(failure_of([&] { open_range_download(client(), blob, 100'000, 50'000); }).first,
              ErrorKind::unsupported);
    fake.ranges = true;
    const std::size_t before = fake.requests().size();
    spoil(1, [&](FakeResponse& r) { r.cut_after = 1000; });
    EXPECT_EQ(read_all(*open_range_download(client(), blob, 500, 3000), content.size(), "x"),
              content.substr(500, 3000));
    std::vector<std::string> got;
    const auto requests = fake.requests();
    for (std::size_t i = before; i < requests.size(); ++i) {
        if (requests[i].path != "/v2/") got.push_back(requests[i].header("range"));
    }
    EXPECT_EQ(got, (std::vector<std::string>{"bytes=500-3499", "bytes=1500-3499"}));
}

TEST_F(BlobDownloadTest, ARangeOtherThanAskedForIsRefused) {
    const std::vector<std::string> wrong = {"bytes 0-299999/300000",
                                            "bytes 99999-299999/300000",
                                            "bytes 100000-299998/300000",
                                            "bytes 100000-299999/300001",
                                            "bytes 100000-/300000",
                                            "bytes 299999-100000/300000",
                                            "items 100000-299999/300000",
                                            "bytes */300000",
                                            ""};
    for (const std::string& range : wrong) {
        spoil(1, [](FakeResponse& r) { r.cut_after = 100'000; });
        const auto cut = fake.after.get();
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            cut(r, response);
            if (response.status != 206) return;
            std::erase_if(response.headers, [](const auto& h) { return h.first == "Content-Range"; });
            if (!range.empty()) response.headers.emplace_back("Content-Range", range);
        };
        const std::size_t before = fake.count("GET", "/blobs/");
        EXPECT_EQ(failure_of([&] { download(content); }).first, ErrorKind::unavailable) << range;
        EXPECT_LE(fake.count("GET", "/blobs/") - before, 7U);
    }
}

TEST_F(BlobDownloadTest, TwoContentRangesThatDifferAreRefused) {
    spoil(1, [](FakeResponse& r) { r.cut_after = 100'000; });
    const auto cut = fake.after.get();
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        cut(r, response);
        if (response.status == 206) response.headers.emplace_back("Content-Range", "bytes 0-299999/300000");
    };
    EXPECT_EQ(failure_of([&] { download(content); }).first, ErrorKind::unavailable);
}

TEST_F(BlobDownloadTest, ABlobOfAnotherSizeIsAMismatch) {
    oci::Descriptor wrong = descriptor(content);
    ++wrong.size;
    EXPECT_EQ(failure_of([&] { open_blob_download(client(), wrong); }).first, ErrorKind::digest_mismatch);
    // Without Content-Length it shows at the end.
    spoil(1, [](FakeResponse& r) { r.chunked = true; });
    EXPECT_EQ(failure_of([&] {
                  const auto source = open_blob_download(client(), wrong);
                  read_all(*source, 1UL << 20U, "blob");
              }).first,
              ErrorKind::digest_mismatch);
}

TEST_F(BlobDownloadTest, LyingLengths) {
    for (const char* length : {"299999", "300001", "0", "18446744073709551616", "-1", "1e3"}) {
        spoil(100, [length](FakeResponse& r) { r.length = length; });
        try {
            oci::VerifiedSource source(open_blob_download(client(), descriptor(content)),
                                       descriptor(content).digest, content.size());
            EXPECT_EQ(read_all(source, 1UL << 20U, "blob"), content) << length;
            source.finish();
            // No number at all is as good as no length.
            EXPECT_STREQ(length, "18446744073709551616");
        } catch (const Error& error) {
            const ErrorKind kind = error.kind();
            EXPECT_TRUE(kind == ErrorKind::digest_mismatch || kind == ErrorKind::unavailable) << length;
        }
    }
}

TEST_F(BlobDownloadTest, ACorruptByteShowsInTheDigest) {
    spoil(1, [](FakeResponse& r) { r.body[77'777] ^= 1; });
    oci::VerifiedSource source(open_blob_download(client(), descriptor(content)), descriptor(content).digest,
                               content.size());
    EXPECT_EQ(failure_of([&] {
                  read_all(source, 1UL << 20U, "blob");
                  source.finish();
              }).first,
              ErrorKind::digest_mismatch);
}

TEST_F(BlobDownloadTest, ATransferThatStallsOrCrawlsIsGivenUpAndResumed) {
    spoil(1, [](FakeResponse& r) {
        r.slow_step = 10;
        r.slow_wait = std::chrono::milliseconds(40);
    });
    EXPECT_EQ(download(content), content);
    EXPECT_GE(fake.count("GET", "/blobs/"), 2U);
}

TEST_F(BlobDownloadTest, LastingBreaksEndInBoundedTries) {
    spoil(1000, [](FakeResponse& r) { r.cut_after = 10; });
    EXPECT_EQ(failure_of([&] { download(content); }).first, ErrorKind::unavailable);
    EXPECT_LE(fake.count("GET", "/blobs/"), 8U);
}

class BlobDownloadThreads : public BlobDownloadTest {};

TEST_F(BlobDownloadThreads, ShareOneClient) {
    const auto shared = client();
    std::vector<std::string> contents;
    for (std::size_t i = 0; i < 8; ++i) contents.push_back(pattern(50'000 + i));
    for (const std::string& one : contents) fake.add_blob(one);
    std::vector<std::string> got(contents.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < contents.size(); ++i) {
        threads.emplace_back([&, i] {
            const auto source = open_blob_download(shared, descriptor(contents[i]));
            got[i] = read_all(*source, 1UL << 20U, "blob");
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(got, contents);
}

}  // namespace
}  // namespace osb::registry

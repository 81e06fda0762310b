#include "registry/distribution/blob_upload.hh"

#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class BlobUploadTest : public RegistryTest {
  protected:
    void upload(const std::string& whole, std::size_t chunk = 1000) { upload(whole, manners(chunk)); }
    void upload(const std::string& whole, const std::shared_ptr<UploadManners>& how) {
        const auto blob = start_blob_upload(client(Access::push), std::nullopt, how);
        // In pieces that are no divisor of a chunk.
        for (std::size_t at = 0; at < whole.size(); at += 333) {
            blob->write(as_bytes(std::string_view(whole).substr(at, 333)));
        }
        blob->finish(oci::Digest::of(as_bytes(whole)));
    }
    bool is_there(const std::string& whole) {
        return fake.blob(oci::Digest::of(as_bytes(whole)).to_string()) == whole;
    }
    // As whoever can make the bytes again does.
    void upload_again(const std::string& whole, const std::shared_ptr<UploadManners>& how) {
        try {
            upload(whole, how);
        } catch (const oci::UploadLost&) {
            upload(whole, how);
        }
    }
    // Every request of the method with a body beyond `limit` is answered so.
    void refuse_beyond(std::size_t limit, const std::string& method, const FakeResponse& response) {
        fake.before = [=](const FakeRequest& r) -> std::optional<FakeResponse> {
            const bool hit = (method.empty() || r.method == method) && r.body.size() > limit;
            return hit ? std::optional(response) : std::nullopt;
        };
    }
    // Answers the `nth` request of the method in its place.
    void answer_nth(const std::string& method, int nth, const FakeResponse& response) {
        left_ = nth;
        fake.before = [this, method, response](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.method != method || left_.fetch_sub(1) != 1) return std::nullopt;
            return response;
        };
    }
    // The registry does what it should, but its answer to the `nth` is lost.
    void lose_answer(const std::string& method, int nth, const std::function<void(FakeResponse&)>& how) {
        left_ = nth;
        fake.after = [this, method, how](const FakeRequest& r, FakeResponse& response) {
            if (r.method == method && left_.fetch_sub(1) == 1) how(response);
        };
    }

    const std::string content = pattern(4500);

  private:
    std::atomic<int> left_ = 0;
};

TEST_F(BlobUploadTest, SmallBlobsGoInOnePut) {
    for (const std::size_t size : {0U, 1U, 999U, 1000U}) {
        upload(pattern(size));
        EXPECT_TRUE(is_there(pattern(size))) << size;
    }
    EXPECT_EQ(fake.count("PATCH", ""), 0U);
}

TEST_F(BlobUploadTest, ASmallBlobThatIsThereIsNotSent) {
    fake.add_blob(pattern(999));
    upload(pattern(999));
    EXPECT_EQ(fake.count("POST", "") + fake.count("PUT", ""), 0U);
}

TEST_F(BlobUploadTest, ABlobOfAnotherSizeIsNotTheBlob) {
    // A proxy that answers every HEAD with 200.
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        return r.method == "HEAD" ? std::optional(FakeResponse{.body = "a page"}) : std::nullopt;
    };
    upload(pattern(999));
    EXPECT_TRUE(is_there(pattern(999)));
}

TEST_F(BlobUploadTest, LargeBlobsGoInChunks) {
    for (const bool relative : {false, true}) {
        fake.relative_locations = relative;
        const std::string blob = pattern(relative ? 4500 : 4000);
        upload(blob);
        EXPECT_TRUE(is_there(blob));
    }
    const auto requests = fake.requests();
    std::vector<std::string> ranges;
    for (const FakeRequest& r : requests) {
        if (r.method == "PATCH") ranges.push_back(r.header("content-range"));
    }
    ranges.resize(4);
    EXPECT_EQ(ranges, (std::vector<std::string>{"0-999", "1000-1999", "2000-2999", "3000-3999"}));
    EXPECT_EQ(fake.open_uploads(), 0U);
}

TEST_F(BlobUploadTest, KeepsToTheLeastChunkThatTheRegistryWants) {
    fake.chunk_min = 2048;
    upload(content);
    EXPECT_TRUE(is_there(content));
    fake.chunk_min = kMaxChunk + 1;
    EXPECT_EQ(failure_of([&] { upload(content); }).first, ErrorKind::unsupported);
}

TEST_F(BlobUploadTest, ChunksThatFailAreSentAgain) {
    for (const FakeResponse& response :
         {FakeResponse{.status = 503}, FakeResponse{.status = 429, .headers = {{"Retry-After", "1"}}},
          FakeResponse{.drop = true}, FakeResponse{.reset = true, .drop = true},
          FakeResponse{.status = 416}}) {
        for (const int nth : {1, 3}) {
            const std::string blob =
                pattern(4500 + static_cast<std::size_t>(response.status) + (nth == 1 ? 7 : 9));
            answer_nth("PATCH", nth, response);
            upload(blob);
            EXPECT_TRUE(is_there(blob)) << response.status << ' ' << nth;
        }
    }
}

TEST_F(BlobUploadTest, ChunksWhoseAnswerIsLostAreNotSentTwice) {
    for (const int nth : {1, 3}) {
        for (const char* method : {"PATCH", "PUT"}) {
            const std::string blob = pattern(4500 + static_cast<std::size_t>(nth));
            lose_answer(method, method[1] == 'U' ? 1 : nth, [](FakeResponse& r) { r.drop = true; });
            upload(blob);
            EXPECT_TRUE(is_there(blob)) << nth << method;
        }
    }
}

TEST_F(BlobUploadTest, ARegistryThatTookAPartIsGivenTheRest) {
    bool spoilt = false;
    fake.after = [&](const FakeRequest& r, FakeResponse& response) {
        // As if it had taken 1500 bytes only: a lie, and the next chunk then shows 416 and the truth.
        if (r.method != "PATCH" || spoilt || r.header("content-range") != "1000-1999") return;
        spoilt = true;
        for (auto& [name, value] : response.headers) {
            if (name == "Range") value = "0-1499";
        }
    };
    upload(content);
    EXPECT_TRUE(spoilt);
    EXPECT_TRUE(is_there(content));
}

TEST_F(BlobUploadTest, AForgottenUploadBeginsAnewWhereNothingIsLost) {
    int failures = 0;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method == "PATCH" && failures == 0) {
            ++failures;
            return FakeResponse{.drop = true};
        }
        if (r.method == "GET" && r.path.find("/uploads/") != std::string::npos)
            return FakeResponse{.status = 404};
        return std::nullopt;
    };
    upload(content);
    EXPECT_TRUE(is_there(content));
}

TEST_F(BlobUploadTest, AForgottenUploadFailsWhereBytesAreGone) {
    int count = 0;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method == "PATCH" && ++count > 2) return FakeResponse{.drop = true};
        if (r.method == "GET" && r.path.find("/uploads/") != std::string::npos)
            return FakeResponse{.status = 404};
        return std::nullopt;
    };
    try {
        upload(content);
        ADD_FAILURE();
    } catch (const oci::UploadLost& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    }
    EXPECT_FALSE(is_there(content));
}

TEST_F(BlobUploadTest, LastingFailuresEndInBoundedTries) {
    for (const char* method : {"POST", "PATCH", "PUT"}) {
        for (const FakeResponse& response : {FakeResponse{.status = 500}, FakeResponse{.drop = true}}) {
            const std::size_t before = fake.requests().size();
            fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
                return r.method == method ? std::optional(response) : std::nullopt;
            };
            EXPECT_EQ(failure_of([&] { upload(content); }).first, ErrorKind::unavailable);
            EXPECT_LT(fake.requests().size() - before, 60U);
        }
    }
}

TEST_F(BlobUploadTest, A202MeansThatTheChunkWasTakenWhateverItsRangeSays) {
    for (const char* range : {"0-999", "0-0", "0-1000", "bytes=0-7", "1000-1999", "", "nonsense", "-1",
                              "0-18446744073709551615"}) {
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            for (auto& [name, value] : response.headers) {
                if (r.method == "PATCH" && name == "Range") value = range;
            }
        };
        const std::size_t before = fake.count("PATCH", "");
        const std::string blob = content + range;
        upload(blob);
        EXPECT_TRUE(is_there(blob)) << range;
        EXPECT_EQ(fake.count("PATCH", "") - before, 5U) << range;
    }
}

// Whoever names wrong positions after chunks is not asked for one after a break.
TEST_F(BlobUploadTest, AnySuccessOfAChunkCounts) {
    for (const int status : {200, 201, 204}) {
        fake.after = [status](const FakeRequest& request, FakeResponse& response) {
            if (request.method == "PATCH" && response.status == 202) response.status = status;
        };
        const std::string blob = pattern(4000 + static_cast<std::size_t>(status));
        upload(blob);
        EXPECT_TRUE(is_there(blob)) << status;
    }
}

TEST_F(BlobUploadTest, AnotherSuccessOfTheLastRequestCountsIfTheBlobIsThere) {
    for (const int status : {200, 202}) {
        fake.after = [status](const FakeRequest& request, FakeResponse& response) {
            if (request.method == "PUT" && response.status == 201) response.status = status;
        };
        for (const std::size_t size : {500UL, 4000UL}) {
            const std::string blob = pattern(size + static_cast<std::size_t>(status));
            upload(blob);
            EXPECT_TRUE(is_there(blob)) << status;
        }
    }
    // A login page stores nothing.
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        return r.method == "PUT" ? std::optional(FakeResponse{.status = 200}) : std::nullopt;
    };
    EXPECT_EQ(failure_of([&] { upload(content); }).first, ErrorKind::unavailable);
}

TEST_F(BlobUploadTest, WhereNothingCanBeLookedForEverythingIsSent) {
    fake.before = [](const FakeRequest& request) -> std::optional<FakeResponse> {
        if (request.method != "HEAD") return std::nullopt;
        return FakeResponse{.status = 405};
    };
    fake.add_blob(pattern(999));
    upload(pattern(999));
    EXPECT_EQ(fake.count("PUT", ""), 1U);
}

TEST_F(BlobUploadTest, ABreakAtARegistryWhoseRangesAreWrong) {
    for (const int nth : {1, 3}) {
        std::atomic<int> left = nth;
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            for (auto& [name, value] : response.headers) {
                if (name == "Range") value = "0-999";
            }
            if (r.method == "PATCH" && left.fetch_sub(1) == 1) response.drop = true;
        };
        const std::string blob = pattern(4500 + static_cast<std::size_t>(nth));
        upload_again(blob, manners(1000));
        EXPECT_TRUE(is_there(blob)) << nth;
    }
}

TEST_F(BlobUploadTest, ChunksThatAreTooLargeAreHalved) {
    for (const int status : {413, 416}) {
        const std::string blob = content + std::to_string(status);
        const auto how = manners(1000);
        refuse_beyond(300, "PATCH", {.status = status, .body = "too large"});
        upload(blob, how);
        EXPECT_TRUE(is_there(blob)) << status;
        EXPECT_EQ(how->chunk_size(), 250U);
        EXPECT_FALSE(how->in_one());
        // The next one knows.
        const std::size_t before = fake.count("PATCH", "");
        upload(blob + "x", how);
        EXPECT_EQ(fake.count("PATCH", "") - before, 19U);
    }
    EXPECT_TRUE(slept.empty());
}

TEST_F(BlobUploadTest, ALimitThatShowsInTheMiddle) {
    int count = 0;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method != "PATCH" || ++count < 3 || r.body.size() <= 500) return std::nullopt;
        return FakeResponse{.status = 413};
    };
    upload(content);
    EXPECT_TRUE(is_there(content));
}

TEST_F(BlobUploadTest, ABlobThatIsTooLargeForOneRequestGoesInChunks) {
    const std::string blob = pattern(900);
    refuse_beyond(300, "", {.status = 413});
    upload(blob);
    EXPECT_TRUE(is_there(blob));
}

TEST_F(BlobUploadTest, WhereChunksAreRefusedTheBlobGoesInOne) {
    for (const int status : {400, 403, 404, 405, 411, 413, 415, 416, 501}) {
        const std::string blob = content + std::to_string(status);
        const auto how = manners(1000);
        refuse_beyond(0, "PATCH", {.status = status});
        upload(blob, how);
        EXPECT_TRUE(is_there(blob)) << status;
        EXPECT_TRUE(how->in_one());
        const std::size_t before = fake.count("PATCH", "");
        upload(blob + "x", how);
        EXPECT_TRUE(is_there(blob + "x")) << status;
        EXPECT_EQ(fake.count("PATCH", ""), before) << "the next one knows";
        EXPECT_EQ(fake.open_uploads(), 0U) << status;
    }
}

// A registry that takes the first chunk as if it were the whole, and no other.
TEST_F(BlobUploadTest, WhereASecondChunkIsRefusedTheBlobIsMadeAgainForOne) {
    for (const int status : {400, 405, 416}) {
        const std::string blob = content + std::to_string(status);
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            const bool second = r.method == "PATCH" && !r.header("content-range").starts_with("0-");
            return second ? std::optional(FakeResponse{.status = status}) : std::nullopt;
        };
        upload_again(blob, manners(1000));
        EXPECT_TRUE(is_there(blob)) << status;
    }
}

TEST_F(BlobUploadTest, TheRegistrysOwnReasonIsShown) {
    const std::string reason = "the quota of the project is used up";
    for (const int status : {400, 403, 404, 405, 409, 413, 416, 422, 429, 500, 501, 503, 507}) {
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.body.empty()) return std::nullopt;
            return FakeResponse{.status = status,
                                .body = R"({"errors":[{"code":"DENIED","message":")" + reason + "\"}]}"};
        };
        for (const std::size_t size : {900U, 4500U}) {
            const auto [kind, message] = failure_of([&] { upload(pattern(size)); });
            EXPECT_TRUE(kind == ErrorKind::unavailable || kind == ErrorKind::not_found) << status;
            EXPECT_NE(message.find(reason), std::string::npos) << status << ' ' << size << ' ' << message;
            EXPECT_NE(message.find(std::to_string(status)), std::string::npos) << message;
        }
    }
}

TEST_F(BlobUploadTest, AWrongDigestIsNeverVisible) {
    const auto blob = start_blob_upload(client(Access::push), std::nullopt, manners(1000));
    blob->write(as_bytes(content));
    EXPECT_EQ(failure_of([&] { blob->finish(oci::Digest::of(as_bytes("other"))); }).first,
              ErrorKind::digest_mismatch);
    EXPECT_FALSE(is_there(content));
}

TEST_F(BlobUploadTest, BytesThatChangeOnTheirWayAreFoundByTheRegistry) {
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method != "PUT") return std::nullopt;
        return FakeResponse{.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
    };
    EXPECT_EQ(failure_of([&] { upload(content); }).first, ErrorKind::digest_mismatch);
}

TEST_F(BlobUploadTest, AnUnfinishedUploadIsCancelled) {
    {
        const auto blob = start_blob_upload(client(Access::push), std::nullopt, manners(1000));
        blob->write(as_bytes(content));
        EXPECT_EQ(fake.open_uploads(), 1U);
    }
    EXPECT_EQ(fake.open_uploads(), 0U);
}

TEST_F(BlobUploadTest, NonsenseLocationsAreRefused) {
    for (const char* location :
         {"", "javascript:alert(1)", "file:///etc/passwd", "http://user@host/", "//", "http://"}) {
        fake.after = [&](const FakeRequest& r, FakeResponse& response) {
            if (r.method == "POST") response.headers = {{"Location", location}};
        };
        EXPECT_EQ(failure_of([&] { upload(content); }).first, ErrorKind::unavailable) << location;
    }
}

}  // namespace
}  // namespace osb::registry

#include "registry/distribution/distribution_client.hh"

#include "tests/support/compress.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

using DistributionClientTest = RegistryTest;

TEST_F(DistributionClientTest, GetsManifestsByTagAndDigest) {
    const std::string digest =
        fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest) + "; charset=utf-8");
    const auto c = client();
    const oci::Document by_tag = c->get_manifest("v1");
    EXPECT_EQ(by_tag.raw, kRaw);
    EXPECT_EQ(by_tag.media_type, oci::kMediaTypeManifest);
    EXPECT_FALSE(by_tag.expected);
    EXPECT_EQ(c->get_manifest(digest).expected->to_string(), digest);
    const std::string accept = fake.requests().back().header("accept");
    for (const auto type : {oci::kMediaTypeManifest, oci::kMediaTypeIndex, oci::kMediaTypeDockerManifest,
                            oci::kMediaTypeDockerManifestList}) {
        EXPECT_NE(accept.find(type), std::string::npos) << type;
    }
    const auto info = c->head_manifest("v1");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->digest->to_string(), digest);
    EXPECT_EQ(info->size, kRaw.size());
}

TEST_F(DistributionClientTest, AMissingManifestIsNotFound) {
    const auto [kind, message] = failure_of([&] { client()->get_manifest("none"); });
    EXPECT_EQ(kind, ErrorKind::not_found);
    EXPECT_NE(message.find("MANIFEST_UNKNOWN"), std::string::npos) << message;
    EXPECT_FALSE(client()->head_manifest("none"));
    EXPECT_TRUE(slept.empty());  // 404 is no reason to try again
}

TEST_F(DistributionClientTest, AManifestBeyondTheLimitIsRefused) {
    fake.add_manifest("big", std::string(oci::kMaxDocument + 1, ' '), std::string(oci::kMediaTypeManifest));
    EXPECT_EQ(failure_of([&] { client()->get_manifest("big"); }).first, ErrorKind::too_large);
    fake.after = [](const FakeRequest&, FakeResponse& r) { r.chunked = true; };  // without saying so first
    EXPECT_EQ(failure_of([&] { client()->get_manifest("big"); }).first, ErrorKind::too_large);
}

TEST_F(DistributionClientTest, HeadWithoutOrWithAFalseDigestHeaderIsNoError) {
    fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest));
    for (const char* value : {"", "sha256:xyz", "md5:0123"}) {
        fake.after = [value](const FakeRequest&, FakeResponse& r) {
            r.headers = {{"Content-Type", "application/json"}};
            if (*value != '\0') r.headers.emplace_back("Docker-Content-Digest", value);
        };
        const auto info = client()->head_manifest("v1");
        ASSERT_TRUE(info) << value;
        EXPECT_FALSE(info->digest) << value;
        EXPECT_EQ(info->media_type, "");
    }
}

TEST_F(DistributionClientTest, ErrorsOfRegistriesAreShownEscaped) {
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path == "/v2/") return std::nullopt;
        return FakeResponse{.status = 403,
                            .body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"a\\u001b[31mb\"}]}"};
    };
    const auto [kind, message] = failure_of([&] { client()->get_manifest("v1"); });
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_NE(message.find("HTTP 403: DENIED: a\\x1b[31mb"), std::string::npos) << message;
    EXPECT_NE(message.find("podman login"), std::string::npos) << message;
}

TEST_F(DistributionClientTest, BodiesOfErrorsThatAreNoJsonOrHugeAreNoTrouble) {
    for (const std::string& body :
         {std::string("<html>Bad Gateway"), std::string(2UL << 20U, 'x'), std::string("\xff\x00", 2),
          std::string("{\"errors\":7}"), std::string("[]"), std::string()}) {
        fake.before = [&body](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.path == "/v2/") return std::nullopt;
            return FakeResponse{.status = 400, .body = body};
        };
        const auto [kind, message] = failure_of([&] { client()->get_manifest("v1"); });
        EXPECT_EQ(kind, ErrorKind::unavailable);
        EXPECT_LT(message.size(), 2000U);
    }
}

// Passing failures: `times` of them and then the truth.
struct Passing {
    std::string name;
    FakeResponse response;
};

TEST_F(DistributionClientTest, PassingFailuresAreOvercome) {
    fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest));
    const std::vector<Passing> failures = {
        {"408", {.status = 408}},
        {"429", {.status = 429, .headers = {{"Retry-After", "7"}}}},
        {"500", {.status = 500}},
        {"502", {.status = 502}},
        {"503", {.status = 503}},
        {"504", {.status = 504}},
        {"closed before any answer", {.drop = true}},
        {"reset before any answer", {.reset = true, .drop = true}},
        {"cut", {.body = kRaw, .cut_after = 3}},
        {"reset", {.body = kRaw, .cut_after = 3, .reset = true}},
        {"stall", {.body = kRaw, .stall = std::chrono::milliseconds(5000)}},
    };
    for (const Passing& failure : failures) {
        for (const int times : {1, 3}) {
            if (times == 3 && failure.name == "stall") continue;  // takes its time
            std::atomic<int> left = times;
            fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
                if (r.path == "/v2/" || left.fetch_sub(1) <= 0) return std::nullopt;
                return failure.response;
            };
            EXPECT_EQ(client()->get_manifest("v1").raw, kRaw) << failure.name;
            // libcurl itself tries again where a connection that was kept turns out to be dead.
            EXPECT_LE(slept.size(), static_cast<std::size_t>(times)) << failure.name;
            if (failure.name == "429") {
                EXPECT_EQ(slept.front(), std::chrono::seconds(7));
            }
            slept.clear();
        }
    }
}

TEST_F(DistributionClientTest, LastingFailuresEndAfterBoundedTries) {
    for (const FakeResponse& response :
         {FakeResponse{.status = 503}, FakeResponse{.status = 429, .headers = {{"Retry-After", "999999"}}},
          FakeResponse{.drop = true}, FakeResponse{.body = kRaw, .cut_after = 3},
          FakeResponse{.status = 307, .headers = {{"Location", "/v2/repo/manifests/v1"}}}}) {
        std::atomic<unsigned> count = 0;
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.path == "/v2/") return std::nullopt;
            ++count;
            return response;
        };
        EXPECT_EQ(failure_of([&] { client()->get_manifest("v1"); }).first, ErrorKind::unavailable);
        EXPECT_LE(count, 12U);
    }
}

TEST_F(DistributionClientTest, DeletesManifests) {
    fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest));
    client()->delete_manifest("v1");
    EXPECT_EQ(failure_of([&] { client()->delete_manifest("v1"); }).first, ErrorKind::not_found);
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method != "DELETE") return std::nullopt;
        return FakeResponse{.status = 405};
    };
    EXPECT_EQ(failure_of([&] { client()->delete_manifest("v1"); }).first, ErrorKind::unsupported);
}

TEST_F(DistributionClientTest, DeletesBlobs) {
    const oci::Digest digest = oci::Digest::parse(fake.add_blob("content"));
    client()->delete_blob(digest);
    EXPECT_FALSE(fake.blob(digest.to_string()));
    EXPECT_EQ(failure_of([&] { client()->delete_blob(digest); }).first, ErrorKind::not_found);
    fake.add_blob("content");
    fake.deletes = false;
    EXPECT_EQ(failure_of([&] { client()->delete_blob(digest); }).first, ErrorKind::unsupported);
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method != "DELETE") return std::nullopt;
        return FakeResponse{.status = 400, .body = R"({"errors":[{"code":"UNSUPPORTED"}]})"};
    };
    const auto [kind, message] = failure_of([&] { client()->delete_manifest("v1"); });
    EXPECT_EQ(kind, ErrorKind::unsupported);
    EXPECT_NE(message.find("UNSUPPORTED"), std::string::npos) << message;
}

TEST_F(DistributionClientTest, MountsBlobsAndCleansUpWhenRefused) {
    const std::string digest = fake.add_blob("content", "other");
    EXPECT_TRUE(client(Access::push)->mount_blob(oci::Digest::parse(digest), "other"));
    EXPECT_TRUE(fake.blob(digest));
    const std::string second = fake.add_blob("content2", "other");
    fake.mounts = false;
    EXPECT_FALSE(client(Access::push)->mount_blob(oci::Digest::parse(second), "other"));
    EXPECT_EQ(fake.open_uploads(), 0U);
}

// As S3, which stores it with the file, and proxies that compress whatever they pass on.
TEST_F(DistributionClientTest, ACompressedDocumentIsUnpackedWithinTheLimit) {
    fake.add_manifest("v1", kRaw, std::string(oci::kMediaTypeManifest));
    std::string bytes = test::gzip(kRaw);
    fake.after = [&bytes](const FakeRequest& request, FakeResponse& response) {
        if (request.path == "/v2/") return;
        response.body = bytes;
        response.headers.emplace_back("Content-Encoding", "gzip");
    };
    EXPECT_EQ(client()->get_manifest("v1").raw, kRaw);
    bytes = test::gzip(std::string(oci::kMaxDocument + 1, ' '));
    EXPECT_EQ(failure_of([&] { client()->get_manifest("v1"); }).first, ErrorKind::too_large);
    bytes.resize(bytes.size() / 2);
    EXPECT_EQ(failure_of([&] { client()->get_manifest("v1"); }).first, ErrorKind::invalid);
    bytes = kRaw;  // the header is wrong
    EXPECT_EQ(client()->get_manifest("v1").raw, kRaw);
}

// A login page or a proxy that answers everything.
TEST_F(DistributionClientTest, AWebPageIsNoAnswer) {
    fake.before = [](const FakeRequest&) -> std::optional<FakeResponse> {
        return FakeResponse{.headers = {{"Content-Type", "text/html; charset=utf-8"}},
                            .body = "\n<html>Log in"};
    };
    const auto [kind, message] = failure_of([&] { client()->get_manifest("v1"); });
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_NE(message.find("web page"), std::string::npos) << message;
    const auto pushed =
        failure_of([&] { client(Access::push)->put_manifest("v1", kRaw, oci::kMediaTypeManifest); });
    EXPECT_EQ(pushed.first, ErrorKind::unavailable);
    EXPECT_NE(pushed.second.find("was not accepted: HTTP 200"), std::string::npos) << pushed.second;
}

TEST_F(DistributionClientTest, AnotherSuccessThan201CountsIfTheManifestIsThere) {
    for (const int status : {200, 202, 204}) {
        fake.before = [](const FakeRequest&) -> std::optional<FakeResponse> { return std::nullopt; };
        fake.after = [status](const FakeRequest& request, FakeResponse& response) {
            if (request.method == "PUT") response.status = status;
        };
        client(Access::push)->put_manifest("v1", kRaw, oci::kMediaTypeManifest);
        const std::string other = kRaw + ' ';
        fake.before = [status](const FakeRequest& request) -> std::optional<FakeResponse> {
            if (request.method != "PUT") return std::nullopt;
            return FakeResponse{.status = status};
        };
        const auto [kind, message] =
            failure_of([&] { client(Access::push)->put_manifest("v1", other, oci::kMediaTypeManifest); });
        EXPECT_EQ(kind, ErrorKind::unavailable) << status;
        EXPECT_NE(message.find("another one"), std::string::npos) << message;
    }
}

TEST_F(DistributionClientTest, ARegistryThatDoesNotLookForBlobsIsAskedOnce) {
    for (const int status : {400, 403, 405, 501}) {
        fake.before = [status](const FakeRequest& request) -> std::optional<FakeResponse> {
            if (request.method != "HEAD") return std::nullopt;
            return FakeResponse{.status = status};
        };
        const std::size_t before = fake.count("HEAD", "");
        const auto c = client(Access::push);
        EXPECT_FALSE(c->head_blob(descriptor("a").digest)) << status;
        EXPECT_FALSE(c->head_blob(descriptor("b").digest)) << status;
        EXPECT_EQ(fake.count("HEAD", "") - before, 1U) << status;
    }
}

}  // namespace
}  // namespace osb::registry

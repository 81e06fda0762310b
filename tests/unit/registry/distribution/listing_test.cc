#include "registry/distribution/listing.hh"

#include <atomic>

#include "oci/documents/signature_tag.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

using ListingTest = RegistryTest;

TEST_F(ListingTest, ListsTagsOverPages) {
    fake.page = 2;
    std::vector<std::string> expected;
    for (const char* tag : {"a", "b", "c", "d", "e"}) {
        fake.add_manifest(tag, kRaw, std::string(oci::kMediaTypeManifest));
        expected.emplace_back(tag);
    }
    EXPECT_EQ(list_tags(*client()), expected);
    EXPECT_EQ(fake.count("GET", "/tags/list"), 3U);
}

TEST(NextLinkTest, IsFoundAmongOthers) {
    const auto find = [](const char* value) { return next_link({{"x", "y"}, {"link", value}}); };
    EXPECT_EQ(find("</a?n=1>; rel=\"next\""), "/a?n=1");
    EXPECT_EQ(find("</a>; rel=\"prev\", </b>; REL=next"), "/b");
    for (const char* value : {"", "<", "</a>", "</a>; rel=\"last\"", "/a; rel=\"next\"", "rel=\"next\" <"}) {
        EXPECT_FALSE(find(value)) << value;
    }
}

TEST_F(ListingTest, NoTagsAndNoRepository) {
    EXPECT_TRUE(list_tags(*client()).empty());
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        return r.path == "/v2/" ? std::nullopt : std::optional(FakeResponse{.status = 404});
    };
    EXPECT_EQ(failure_of([&] { list_tags(*client()); }).first, ErrorKind::not_found);
}

TEST_F(ListingTest, TagsThatBreakTheGrammarArePassedOver) {
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path == "/v2/") return std::nullopt;
        return FakeResponse{.body = R"({"tags":["ok","../x","-x","a b","",7,"a\u001bb"]})"};
    };
    EXPECT_EQ(list_tags(*client()), std::vector<std::string>{"ok"});
}

TEST_F(ListingTest, PagesThatMisbehaveEnd) {
    unsigned count = 0;
    std::string link;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path == "/v2/") return std::nullopt;
        const std::string to =
            link == "endless" ? "</v2/repo/tags/list?last=" + std::to_string(++count) + ">" : link;
        return FakeResponse{.headers = {{"Link", to + "; rel=\"next\""}}, .body = R"({"tags":[]})"};
    };
    for (const char* one : {"</v2/repo/tags/list?n=1000>", "<http://elsewhere.test/v2/repo/tags/list>", "<>",
                            "<http://127.0.0.1:1/v2/>", "<file:///etc/passwd>", "<//evil/>"}) {
        link = one;
        EXPECT_EQ(failure_of([&] { list_tags(*client()); }).first, ErrorKind::unavailable) << one;
    }
    link = "endless";
    EXPECT_EQ(failure_of([&] { list_tags(*client()); }).first, ErrorKind::too_large);
}

TEST_F(ListingTest, MalformedListsAreInvalid) {
    for (const char* body : {"", "[]", "{}", R"({"tags":"x"})", "null", "{\"tags\":[]}x"}) {
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            return r.path == "/v2/" ? std::nullopt : std::optional(FakeResponse{.body = body});
        };
        EXPECT_EQ(failure_of([&] { list_tags(*client()); }).first, ErrorKind::invalid) << body;
    }
}

std::string referrer(const oci::Digest& subject, const std::string& type) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":")" +
           type +
           R"(","subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":")" +
           subject.to_string() + "\"}}";
}

TEST_F(ListingTest, ListsReferrersAndFiltersThem) {
    const oci::Digest subject = oci::Digest::of(as_bytes("{}"));
    EXPECT_TRUE(list_referrers(*client(), subject).empty());
    fake.add_manifest("", referrer(subject, "a/b"), std::string(oci::kMediaTypeManifest));
    fake.add_manifest("", referrer(subject, "c/d"), std::string(oci::kMediaTypeManifest));
    EXPECT_EQ(list_referrers(*client(), subject).size(), 2U);
    const auto one = list_referrers(*client(), subject, "a/b");
    ASSERT_EQ(one.size(), 1U);
    EXPECT_EQ(one[0].digest, oci::Digest::of(as_bytes(referrer(subject, "a/b"))));
}

TEST_F(ListingTest, FallsBackToTheTag) {
    fake.referrers = false;
    const oci::Digest subject = oci::Digest::of(as_bytes("{}"));
    EXPECT_TRUE(list_referrers(*client(), subject).empty());
    const std::string index =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)"
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")" +
        subject.to_string() + R"(","artifactType":"a/b"}]})";
    fake.add_manifest(referrers_tag(subject), index, std::string(oci::kMediaTypeIndex));
    EXPECT_EQ(list_referrers(*client(), subject, "a/b").size(), 1U);
    EXPECT_TRUE(list_referrers(*client(), subject, "x/y").empty());
}

TEST_F(ListingTest, FallsBackToTheTagAfterARefusalOfTheRequest) {
    // Registries without the API do not all answer 404.
    const oci::Digest subject = oci::Digest::of(as_bytes("{}"));
    fake.add_manifest(oci::referrers_tag(subject),
                      R"({"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":9,"digest":")" +
                          subject.to_string() + R"("}]})",
                      std::string(oci::kMediaTypeIndex));
    std::atomic<int> status{0};
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        return FakeResponse{.status = status};
    };
    for (const int one : {400, 404, 405, 406, 501}) {
        status = one;
        EXPECT_EQ(list_referrers(*client(), subject).size(), 1U) << one;
    }
    for (const int one : {401, 403, 500, 503}) {
        status = one;
        EXPECT_EQ(failure_of([&] { list_referrers(*client(), subject); }).first, ErrorKind::unavailable)
            << one;
    }
}

TEST_F(ListingTest, FallsBackToTheTagAfterAWebPage) {
    // Some registries answer every path that they do not know with the page of their user interface.
    const oci::Digest subject = oci::Digest::of(as_bytes("{}"));
    fake.before = [](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        return FakeResponse{.headers = {{"Content-Type", "text/html; charset=utf-8"}},
                            .body = "<!doctype html>"};
    };
    EXPECT_TRUE(list_referrers(*client(), subject).empty());
}

TEST_F(ListingTest, TheReferrersThatAreReadAreBounded) {
    const oci::Digest subject = oci::Digest::of(as_bytes("{}"));
    constexpr std::size_t kLimit = 512UL * 1024;
    // Pages of one large entry each: without an end, or 20 of them.
    const std::string entry = R"({"mediaType":"a/b","size":9,"digest":")" + subject.to_string() +
                              R"(","annotations":{"x":")" + std::string(kLimit / 10, 'x') + R"("}})";
    std::atomic<int> page{0};
    std::atomic<int> last{-1};
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.path.find("/referrers/") == std::string::npos) return std::nullopt;
        FakeResponse out{.body = R"({"schemaVersion":2,"manifests":[)" + entry + "]}"};
        if (++page != last)
            out.headers.emplace_back("Link", concat("<", r.path, "?n=", page.load(), ">; rel=\"next\""));
        return out;
    };
    const auto limited = [&] { list_referrers(*client(), subject, "", Patience::usual, kLimit); };
    EXPECT_EQ(failure_of(limited).first, ErrorKind::too_large);
    EXPECT_EQ(page, 10);
    page = 0;
    last = 20;
    EXPECT_EQ(list_referrers(*client(), subject).size(), 20U);
    EXPECT_EQ(kMaxListingBytes, 32UL << 20U);
}

}  // namespace
}  // namespace osb::registry

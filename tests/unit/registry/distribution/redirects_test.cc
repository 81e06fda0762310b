// Blobs that a registry has in another place, at URLs that expire.
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class RedirectsTest : public RegistryTest {
  protected:
    RedirectsTest() {
        fake.add_blob(content);
        store.add_blob(content);
        fake.before = [this](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.path.find("/blobs/") == std::string::npos) return std::nullopt;
            return FakeResponse{
                .status = 307,
                .headers = {{"Location", concat(store.url(), r.path, "?signature=", ++signed_)}}};
        };
        store.before = [this](const FakeRequest& r) -> std::optional<FakeResponse> {
            EXPECT_EQ(r.header("authorization"), "");
            if (const int now = answer.exchange(0); now != 0) return FakeResponse{.status = now};
            if (r.target.find(concat("signature=", signed_.load())) != std::string::npos && !expired)
                return std::nullopt;
            expired = false;
            return FakeResponse{.status = refusal};
        };
    }
    void TearDown() override {
        store.stop();
        RegistryTest::TearDown();
    }

    std::string range(const std::shared_ptr<DistributionClient>& from, std::uint64_t offset) {
        const auto source = open_range_download(from, descriptor(content), offset, 100);
        return read_all(*source, 1000, "range");
    }

    test::FakeRegistry store;
    std::atomic<unsigned> signed_{0};
    std::atomic<bool> expired{false};  // the URL that was signed last
    std::atomic<int> answer{0};        // of the next request
    int refusal = 403;
    const std::string content = pattern(5000);
};

TEST_F(RedirectsTest, ALocationIsAskedForOnce) {
    const auto c = client();
    for (std::uint64_t offset = 0; offset < 1000; offset += 100)
        EXPECT_EQ(range(c, offset), content.substr(offset, 100));
    EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
    EXPECT_EQ(store.count("GET", "/blobs/"), 10U);
}

TEST_F(RedirectsTest, OneThatHasExpiredIsAskedForAgain) {
    const auto c = client();
    unsigned times = 1;
    EXPECT_EQ(range(c, 0), content.substr(0, 100));
    for (const int status : {403, 401, 400, 404, 410}) {
        refusal = status;
        expired = true;
        EXPECT_EQ(range(c, 500), content.substr(500, 100)) << status;
        EXPECT_EQ(fake.count("GET", "/blobs/"), ++times) << status;
        EXPECT_EQ(range(c, 600), content.substr(600, 100)) << status;
        EXPECT_EQ(fake.count("GET", "/blobs/"), times) << status;
    }
    EXPECT_TRUE(slept.empty());
}

TEST_F(RedirectsTest, AnErrorThatPassesIsTriedAgainThroughTheRegistry) {
    const auto c = client();
    EXPECT_EQ(range(c, 0), content.substr(0, 100));
    answer = 503;
    EXPECT_EQ(range(c, 500), content.substr(500, 100));
    EXPECT_EQ(slept.size(), 1U);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 2U);
}

TEST_F(RedirectsTest, AStoreWithoutRangesIsNotAskedTwice) {
    const auto c = client();
    EXPECT_EQ(range(c, 0), content.substr(0, 100));
    answer = 416;
    EXPECT_EQ(failure_of([&] { range(c, 500); }).first, ErrorKind::unsupported);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 1U);
}

TEST_F(RedirectsTest, AStoreThatIsGoneIsLookedUpAgain) {
    const auto c = client();
    EXPECT_EQ(range(c, 0), content.substr(0, 100));
    store.stop_listening();
    on_sleep = [&] { store.listen_again(); };
    EXPECT_EQ(range(c, 500), content.substr(500, 100));
    EXPECT_EQ(slept.size(), 1U);
    EXPECT_EQ(fake.count("GET", "/blobs/"), 2U);
}

}  // namespace
}  // namespace osb::registry

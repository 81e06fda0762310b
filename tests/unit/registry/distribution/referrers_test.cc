#include "registry/distribution/referrers.hh"

#include <nlohmann/json.hpp>

#include "oci/documents/json.hh"
#include "oci/documents/signature_tag.hh"
#include "registry/distribution/listing.hh"
#include "tests/unit/registry/registry_fixture.hh"

namespace osb::registry {
namespace {

using test::FakeRequest;
using test::FakeResponse;

class ReferrersTest : public RegistryTest {
  protected:
    static std::string referrer(const std::string& type, const std::string& note = "n") {
        const oci::Json document{
            {"schemaVersion", 2},
            {"mediaType", oci::kMediaTypeManifest},
            {"artifactType", type},
            {"annotations", {{"note", note}}},
            {"subject",
             {{"mediaType", oci::kMediaTypeManifest}, {"size", 2}, {"digest", subject().to_string()}}}};
        return document.dump();
    }
    static oci::Digest subject() { return oci::Digest::of(as_bytes("{}")); }
    void publish(const std::string& raw, const std::vector<std::string>& tags = {}) {
        publish_manifest(*client(Access::push), digest_of(raw), raw, oci::kMediaTypeManifest, tags);
    }
    static std::string digest_of(const std::string& raw) {
        return oci::Digest::of(as_bytes(raw)).to_string();
    }
    oci::Json stand_in() { return oci::parse_json(fake.manifest(referrers_tag(subject())).value(), "index"); }
};

TEST_F(ReferrersTest, ARegistryThatKeepsAccountIsLeftToIt) {
    publish(referrer("a/b"));
    EXPECT_EQ(fake.count("PUT", "/manifests/"), 1U);
    EXPECT_EQ(list_referrers(*client(), subject()).size(), 1U);
}

TEST_F(ReferrersTest, ElseTheTagThatStandsInIsKept) {
    fake.referrers = false;
    publish(referrer("a/b"));
    publish(referrer("c/d"));
    publish(referrer("a/b"));  // is there already
    const auto all = list_referrers(*client(), subject());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].digest.to_string(), digest_of(referrer("a/b")));
    EXPECT_EQ(all[0].size, referrer("a/b").size());
    EXPECT_EQ(list_referrers(*client(), subject(), "c/d").size(), 1U);
    EXPECT_EQ(stand_in()["manifests"][0]["annotations"]["note"], "n");
}

TEST_F(ReferrersTest, TheTypeOfTheConfigStandsInForTheArtifactType) {
    fake.referrers = false;
    const std::string config = "{}";
    fake.add_blob(config);
    oci::Json document = oci::parse_json(referrer(""), "manifest");
    document.erase("artifactType");
    document["config"] = {{"mediaType", "x/y"}, {"digest", digest_of(config)}, {"size", 2}};
    publish(document.dump());
    EXPECT_EQ(list_referrers(*client(), subject(), "x/y").size(), 1U);
}

TEST_F(ReferrersTest, WhatOthersWroteIntoTheIndexStays) {
    fake.referrers = false;
    const oci::Json index{
        {"schemaVersion", 2},
        {"mediaType", oci::kMediaTypeIndex},
        {"annotations", {{"kept", "yes"}}},
        {"manifests",
         {{{"mediaType", "z/z"}, {"digest", digest_of("z")}, {"size", 1}, {"data", "eg=="}, {"odd", 7}}}}};
    fake.add_manifest(referrers_tag(subject()), index.dump(), std::string(oci::kMediaTypeIndex));
    publish(referrer("a/b"));
    const oci::Json now = stand_in();
    EXPECT_EQ(now["annotations"]["kept"], "yes");
    EXPECT_EQ(now["manifests"][0]["odd"], 7);
    EXPECT_EQ(now["manifests"].size(), 2U);
}

// As docker-registry does.
TEST_F(ReferrersTest, AnEntryThatIsGoneDoesNotKeepOthersOut) {
    fake.referrers = false;
    publish(referrer("a/b"));
    oci::Json index = stand_in();
    const std::string gone = digest_of("gone");
    index["manifests"].push_back({{"mediaType", oci::kMediaTypeManifest}, {"digest", gone}, {"size", 4}});
    fake.add_manifest(referrers_tag(subject()), index.dump(), std::string(oci::kMediaTypeIndex));
    for (const int status : {400, 404}) {
        fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
            if (r.method != "PUT" || r.body.find(gone) == std::string::npos) return std::nullopt;
            return FakeResponse{.status = status, .body = R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]})"};
        };
        fake.add_manifest(referrers_tag(subject()), index.dump(), std::string(oci::kMediaTypeIndex));
        publish(referrer("c/d"));
        const auto all = list_referrers(*client(), subject());
        ASSERT_EQ(all.size(), 2U);
        EXPECT_EQ(all[0].digest.to_string(), digest_of(referrer("a/b")));
        EXPECT_EQ(all[1].digest.to_string(), digest_of(referrer("c/d")));
    }
    // Other refusals are errors, and remove nothing.
    fake.add_manifest(referrers_tag(subject()), index.dump(), std::string(oci::kMediaTypeIndex));
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.method != "PUT" || !r.path.ends_with(referrers_tag(subject()))) return std::nullopt;
        return FakeResponse{.status = 403};
    };
    const std::size_t looked = fake.count("HEAD", "/manifests/");
    EXPECT_EQ(failure_of([&] { publish(referrer("e/f")); }).first, ErrorKind::unavailable);
    EXPECT_EQ(fake.count("HEAD", "/manifests/"), looked);
    EXPECT_EQ(stand_in(), index);
}

TEST_F(ReferrersTest, WhatIsNoIndexIsNotOverwritten) {
    fake.referrers = false;
    const std::string tag = referrers_tag(subject());
    fake.add_manifest(tag, "{}", std::string(oci::kMediaTypeManifest));
    EXPECT_EQ(failure_of([&] { publish(referrer("a/b")); }).first, ErrorKind::invalid);
    fake.add_manifest(tag, R"({"schemaVersion":2,"manifests":7})", std::string(oci::kMediaTypeIndex));
    EXPECT_EQ(failure_of([&] { publish(referrer("a/b")); }).first, ErrorKind::invalid);
    EXPECT_EQ(fake.manifest(tag), R"({"schemaVersion":2,"manifests":7})");
}

TEST_F(ReferrersTest, AChangeMeanwhileIsTakenIn) {
    fake.referrers = false;
    fake.etags = true;
    publish(referrer("first/one"));
    int changes = 2;
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        // Somebody else is faster.
        if (r.method == "PUT" && r.path.ends_with(referrers_tag(subject())) && changes-- > 0) {
            oci::Json index = stand_in();
            const std::string other = referrer("other/one", std::to_string(changes));
            index["manifests"].push_back(
                {{"mediaType", oci::kMediaTypeManifest}, {"digest", digest_of(other)}, {"size", 9}});
            fake.add_manifest(referrers_tag(subject()), index.dump(), std::string(oci::kMediaTypeIndex));
        }
        return std::nullopt;
    };
    publish(referrer("a/b"));
    EXPECT_EQ(stand_in()["manifests"].size(), 4U);
    fake.before = [&](const FakeRequest& r) -> std::optional<FakeResponse> {
        if (r.header("if-match").empty()) return std::nullopt;
        return FakeResponse{.status = 412};
    };
    EXPECT_EQ(failure_of([&] { publish(referrer("never/in")); }).first, ErrorKind::unavailable);
}

TEST_F(ReferrersTest, MoreTagsInOneRequestWhereTheRegistryKnowsHow) {
    const std::string raw = referrer("a/b");
    for (const bool known : {true, false}) {
        fake.tags_with_digest = known;
        const std::size_t before = fake.count("PUT", "/manifests/");
        const std::vector<std::string> tags = {known ? "one" : "three", known ? "two" : "four"};
        publish(raw, tags);
        for (const std::string& tag : tags) EXPECT_EQ(fake.manifest(tag), raw);
        EXPECT_EQ(fake.count("PUT", "/manifests/") - before, known ? 1U : 3U);
    }
}

}  // namespace
}  // namespace osb::registry

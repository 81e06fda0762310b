#include "system/upgrade/image_answer.hh"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.hh"
#include "oci/documents/json.hh"

namespace osb::system {
namespace {

const std::string kAnswerDigest = "sha256:" + std::string(64, 'a');

ImageAnswer answer() {
    const auto commit = ostree::CommitId::parse(std::string(64, 'c'));
    return {.digest = kAnswerDigest,
            .release = Release{.version = "2", .time = 5},
            .commit = commit,
            .is_same_system = true,
            .fetched = FetchedImage{.image = "ostree-unverified-registry:quay.io/x/os:1",
                                    .digest = kAnswerDigest,
                                    .commit = commit,
                                    .version = "2",
                                    .time = 5},
            .bytes_read = 7,
            .transfer = ostree::Transfer{.way = "files", .bytes = 8, .requests = 9, .layer_bytes = 10}};
}

TEST(ImageAnswerTest, EverythingComesBack) {
    const ImageAnswer out = parse_image_answer(to_text(answer()));
    EXPECT_EQ(out.digest, kAnswerDigest);
    ASSERT_TRUE(out.release && out.commit && out.fetched && out.transfer);
    EXPECT_EQ(out.release->version, "2");
    EXPECT_EQ(out.release->time, 5U);
    EXPECT_EQ(out.commit, answer().commit);
    EXPECT_TRUE(out.is_same_system);
    EXPECT_EQ(out.fetched->image, answer().fetched->image);
    EXPECT_EQ(out.fetched->commit, answer().fetched->commit);
    EXPECT_EQ(out.bytes_read, 7U);
    EXPECT_EQ(out.transfer->way, "files");
    EXPECT_EQ(out.transfer->requests, 9U);
}

TEST(ImageAnswerTest, StagesThatWereNotReachedAreNothing) {
    const ImageAnswer out = parse_image_answer(
        to_text({.digest = kAnswerDigest, .release = {}, .commit = {}, .fetched = {}, .transfer = {}}));
    EXPECT_FALSE(out.release || out.commit || out.fetched || out.transfer || out.is_same_system);
}

TEST(ImageAnswerTest, AnotherProcessMayReturnAnything) {
    EXPECT_THROW(parse_image_answer(""), Error);
    EXPECT_THROW(parse_image_answer("{}"), Error);
    const auto expect_refused = [](const char* member, const oci::Json& value) {
        oci::Json changed = oci::parse_json(to_text(answer()), "test");
        changed[member] = value;
        EXPECT_THROW(parse_image_answer(changed.dump()), Error) << member << " " << value;
    };
    expect_refused("digest", "sha256:abc");
    expect_refused("digest", kAnswerDigest + "\n[origin]");
    expect_refused("commit", std::string(64, 'C'));
    expect_refused("release", "2");
    expect_refused("release", {{"version", "2"}, {"time", -1}});
    expect_refused("is_same_system", "yes");
    expect_refused("fetched", 1);
    expect_refused("fetched", {{"image", "x"}});
    expect_refused("bytes_read", 1.5);
    expect_refused("transfer", {{"way", "x"}});
}

}  // namespace
}  // namespace osb::system

// The join of detached metadata: no signature is lost, whatever the other side brings.
#include "ostree/objects/detached_metadata.hh"

#include <gtest/gtest.h>

#include "ostree/objects/commit_signature.hh"
#include "tests/support/detached_builder.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using ostree::join_detached_metadata;
using ostree::Preferred;

const std::string kJoinedKey(ostree::kEd25519Signatures);
const std::string kJoinedGpg(ostree::kGpgSignatures);

// A text of the form of an Ed25519 signature.
std::string sized(std::string text) {
    text.resize(64, '.');
    return text;
}

TEST(DetachedMetadata, ListsAreJoined) {
    const std::string ours = detached_lists({{kJoinedKey, {sized("a"), sized("b")}}});
    for (const Preferred preferred : {Preferred::present, Preferred::added}) {
        EXPECT_EQ(
            join_detached_metadata(ours, detached_lists({{kJoinedKey, {sized("c"), sized("a")}}}), preferred),
            detached_lists({{kJoinedKey, {sized("a"), sized("b"), sized("c")}}}));
        EXPECT_EQ(join_detached_metadata(ours, detached_lists({{kJoinedKey, {}}}), preferred), ours);
        EXPECT_EQ(join_detached_metadata(ours, "", preferred), ours);
        EXPECT_EQ(join_detached_metadata(ours, detached_lists({{kJoinedGpg, {"\x88g"}}}), preferred),
                  detached_lists({{kJoinedGpg, {"\x88g"}}, {kJoinedKey, {sized("a"), sized("b")}}}));
    }
}

TEST(DetachedMetadata, AListWinsOverOtherTypes) {
    const std::string list = detached_lists({{kJoinedKey, {sized("a")}}});
    const std::string text = detached_text(kJoinedKey, "no list");
    for (const Preferred preferred : {Preferred::present, Preferred::added}) {
        EXPECT_EQ(join_detached_metadata(list, text, preferred), list);
        EXPECT_EQ(join_detached_metadata(text, list, preferred), list);
    }
    const std::string other = detached_text(kJoinedKey, "other");
    EXPECT_EQ(join_detached_metadata(text, other, Preferred::present), text);
    EXPECT_EQ(join_detached_metadata(text, other, Preferred::added), other);
}

// {KEY: [FIRST], KEY: [SECOND]}
std::string with_key_twice() {
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    for (const char* one : {"first", "second"}) {
        GVariantBuilder list;
        g_variant_builder_init(&list, G_VARIANT_TYPE_BYTESTRING_ARRAY);
        g_variant_builder_add_value(&list, ostree::byte_array(as_bytes(sized(one))));
        g_variant_builder_add(&dict, "{sv}", kJoinedKey.c_str(), g_variant_builder_end(&list));
    }
    const ostree::GVariantPtr out = ostree::take(g_variant_builder_end(&dict));
    return std::string(as_text(ostree::bytes_of(out.get())));
}

TEST(DetachedMetadata, AKeyThatAppearsTwice) {
    const std::string ours = detached_lists({{kJoinedKey, {sized("a")}}});
    EXPECT_EQ(join_detached_metadata(ours, with_key_twice(), Preferred::present),
              detached_lists({{kJoinedKey, {sized("a"), sized("first"), sized("second")}}}));
    EXPECT_EQ(join_detached_metadata(with_key_twice(), ours, Preferred::present),
              detached_lists({{kJoinedKey, {sized("first"), sized("second"), sized("a")}}}));
}

TEST(DetachedMetadata, MalformedAndHuge) {
    const std::string ours = detached_lists({{kJoinedKey, {sized("a")}}});
    EXPECT_EQ(thrown_kind([&] { join_detached_metadata(ours, "rubbish", Preferred::present); }),
              ErrorKind::invalid);
    const std::string huge = detached_lists({{"x", {std::string(11UL << 20U, 'x')}}});
    EXPECT_EQ(thrown_kind([&] { join_detached_metadata(ours, huge, Preferred::present); }),
              ErrorKind::too_large);
}

TEST(DetachedMetadata, RubbishIsNotJoined) {
    const std::string good = detached_lists({{kJoinedGpg, {"\xc2good"}}, {kJoinedKey, {sized("good")}}});
    const std::string rubbish = detached_lists(
        {{kJoinedGpg, {"", "rubbish", "\x87", "\xc3"}}, {kJoinedKey, {"", "short", sized("a") + "x"}}});
    EXPECT_EQ(join_detached_metadata(good, rubbish, Preferred::present), good);
    EXPECT_EQ(join_detached_metadata(rubbish, good, Preferred::present), good);
    EXPECT_EQ(join_detached_metadata(rubbish, rubbish, Preferred::present), rubbish);
    const std::string other = detached_lists({{"x", {"any", "form"}}});
    EXPECT_EQ(join_detached_metadata(other, detached_lists({{"x", {"more"}}}), Preferred::present),
              detached_lists({{"x", {"any", "form", "more"}}}));
}

std::vector<std::string> many_signatures(const std::string& prefix, std::size_t count) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(sized(prefix + std::to_string(i)));
    return out;
}

TEST(DetachedMetadata, AListDoesNotGrowAboveItsLimit) {
    const auto list = [](const std::string& joined) { return ostree::read_signatures(joined, kJoinedKey); };
    const std::string flood =
        detached_lists({{kJoinedKey, many_signatures("b", ostree::kMaxCommitSignatures)}});
    const std::string ours = detached_lists({{kJoinedKey, {sized("good")}}});
    const std::string joined = join_detached_metadata(ours, flood, Preferred::present);
    EXPECT_EQ(list(joined).size(), ostree::kMaxCommitSignatures);
    EXPECT_EQ(list(joined).front(), sized("good")) << "what is present stays";
    const std::string more = detached_lists({{kJoinedKey, many_signatures("c", 10)}});
    EXPECT_EQ(join_detached_metadata(joined, more, Preferred::added), joined);
    // A list of rubbish does not keep a signature out.
    const std::vector<std::string> rubbish(ostree::kMaxCommitSignatures, "s");
    EXPECT_EQ(join_detached_metadata(detached_lists({{kJoinedKey, rubbish}}), ours, Preferred::present),
              ours);
}

}  // namespace
}  // namespace osb::test

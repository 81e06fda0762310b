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

TEST(DetachedMetadata, ListsAreJoined) {
    const std::string ours = detached_lists({{kJoinedKey, {"a", "b"}}});
    for (const Preferred preferred : {Preferred::present, Preferred::added}) {
        EXPECT_EQ(join_detached_metadata(ours, detached_lists({{kJoinedKey, {"c", "a"}}}), preferred),
                  detached_lists({{kJoinedKey, {"a", "b", "c"}}}));
        EXPECT_EQ(join_detached_metadata(ours, detached_lists({{kJoinedKey, {}}}), preferred), ours);
        EXPECT_EQ(join_detached_metadata(ours, "", preferred), ours);
        EXPECT_EQ(join_detached_metadata(ours, detached_lists({{"ostree.gpgsigs", {"g"}}}), preferred),
                  detached_lists({{"ostree.gpgsigs", {"g"}}, {kJoinedKey, {"a", "b"}}}));
    }
}

TEST(DetachedMetadata, AListWinsOverOtherTypes) {
    const std::string list = detached_lists({{kJoinedKey, {"a"}}});
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
        g_variant_builder_add_value(&list, ostree::byte_array(as_bytes(std::string_view(one))));
        g_variant_builder_add(&dict, "{sv}", kJoinedKey.c_str(), g_variant_builder_end(&list));
    }
    const ostree::GVariantPtr out = ostree::take(g_variant_builder_end(&dict));
    return std::string(as_text(ostree::bytes_of(out.get())));
}

TEST(DetachedMetadata, AKeyThatAppearsTwice) {
    const std::string ours = detached_lists({{kJoinedKey, {"a"}}});
    EXPECT_EQ(join_detached_metadata(ours, with_key_twice(), Preferred::present),
              detached_lists({{kJoinedKey, {"a", "first", "second"}}}));
    EXPECT_EQ(join_detached_metadata(with_key_twice(), ours, Preferred::present),
              detached_lists({{kJoinedKey, {"first", "second", "a"}}}));
}

TEST(DetachedMetadata, MalformedAndHuge) {
    const std::string ours = detached_lists({{kJoinedKey, {"a"}}});
    EXPECT_EQ(thrown_kind([&] { join_detached_metadata(ours, "rubbish", Preferred::present); }),
              ErrorKind::invalid);
    const std::string huge = detached_lists({{kJoinedKey, {std::string(11UL << 20U, 'x')}}});
    EXPECT_EQ(thrown_kind([&] { join_detached_metadata(ours, huge, Preferred::present); }),
              ErrorKind::too_large);
}

}  // namespace
}  // namespace osb::test

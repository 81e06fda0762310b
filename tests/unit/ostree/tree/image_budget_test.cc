// What one image may cost in the steps that work on its tree, and that a signal ends every one of them.
#include "ostree/tree/image_budget.hh"

#include <gtest/gtest.h>

#include <csignal>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/layout/derived_layout.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/overlay.hh"
#include "ostree/tree/tree_writer.hh"

namespace osb::ostree {
namespace {

Sha256 store_link(std::string_view target, std::uint32_t /*uid*/, std::uint32_t /*gid*/) {
    return sha256(as_bytes(target));
}

void add(Layer& layer, EntryKind kind, std::string_view path, std::string_view target = {}) {
    LayerEntry& entry = layer.entries().emplace_back();
    entry.kind = kind;
    entry.path = layer.keep(path);
    entry.target = layer.keep(target);
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (; count > 0; --count) out += text;
    return out;
}

// The kind of the Error, or nothing.
template<typename F>
std::optional<ErrorKind> failure(const F& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.kind();
    }
    return std::nullopt;
}

Node system_tree(ImageBudget& budget) {
    Node root = Node::directory();
    for (const char* path : {"usr/share/a", "usr/lib/b", "lib/c", "etc/d", "home/u", "var/lib/e", "boot"})
        make_directories(root, path, budget).set_child("f", Node::file(sha256(as_bytes(std::string(path)))));
    return root;
}

TEST(ImageBudget, AmountsDoNotWrap) {
    ImageBudget budget;
    constexpr auto kMost = std::numeric_limits<std::size_t>::max();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(failure([&] { budget.keep(kMost - 1); }), ErrorKind::too_large);
        EXPECT_EQ(failure([&] { budget.take_entries(kMost); }), ErrorKind::too_large);
        EXPECT_EQ(failure([&] { LayerMeter(budget).holes(kMost); }), ErrorKind::too_large);
    }
}

TEST(ImageBudget, WhatALayersSizeAccountsForIsFree) {
    ImageBudget budget({.free_bytes = 100, .max_ratio = 10});
    LayerMeter one(budget);
    one.unpacked(1000, 100);
    one.unpacked(60, 100);
    LayerMeter two(budget);
    two.holes(40);
    EXPECT_EQ(failure([&] { two.holes(1); }), ErrorKind::too_large);
    // More of the blob does not give back what was taken.
    one.unpacked(0, 1000);
    EXPECT_EQ(failure([&] { LayerMeter(budget).unpacked(11, 1); }), ErrorKind::too_large);
}

TEST(Tree, OnlyDirectoriesHaveChildren) {
    std::vector<Node> nodes;
    nodes.push_back(Node::file({}));
    nodes.push_back(Node::symlink({}, "x"));
    nodes.push_back(Node::special());
    for (Node& node : nodes) {
        EXPECT_EQ(node.child("a"), nullptr);
        EXPECT_FALSE(node.remove_child("a"));
        EXPECT_EQ(failure([&] { node.children().clear(); }), ErrorKind::internal);
        EXPECT_EQ(failure([&] { node.set_child("a", Node::file({})); }), ErrorKind::internal);
    }
}

TEST(ImageBudget, DeepWhiteoutsCostWhatTheirPathsHave) {
    Node root = Node::directory();
    root.set_child("l", Node::symlink({}, "a"));
    Layer layer(oci::Digest::of({}));
    add(layer, EntryKind::directory, "l");
    constexpr std::size_t kWhiteouts = 300;
    constexpr std::size_t kDepth = 2000;
    for (std::size_t i = 0; i < kWhiteouts; ++i) {
        add(layer, EntryKind::whiteout, repeated("a/", kDepth - 1) + "x");
        add(layer, EntryKind::opaque, "l/" + repeated("a/", kDepth - 2) + "x");
    }
    ImageBudget enough({.max_steps = 4 * kWhiteouts * kDepth});
    EXPECT_EQ(failure([&] { apply_layer(root, layer, enough); }), std::nullopt);
    ImageBudget few({.max_steps = kWhiteouts * kDepth / 2});
    EXPECT_EQ(failure([&] { apply_layer(root, layer, few); }), ErrorKind::too_large);
}

TEST(ImageBudget, LinksUpAndDownCostWhatTheirTextsHave) {
    constexpr std::size_t kLinks = 30;
    constexpr std::size_t kParts = 800;
    for (const char* text : {"/usr/../", "/home/../", "/lib/../"}) {
        const auto make = [&](ImageBudget& budget) {
            Node root = system_tree(budget);
            for (const char* place : {"usr/share", "lib", "home", "etc"}) {
                Node& directory = make_directories(root, place, budget);
                for (std::size_t i = 0; i < kLinks; ++i)
                    directory.set_child(concat("l", i), Node::symlink({}, repeated(text, kParts / 2)));
            }
            return failure([&] { make_bootable(root, store_link, budget); });
        };
        ImageBudget enough({.max_steps = 4 * kLinks * kParts * 8});
        EXPECT_EQ(make(enough), std::nullopt) << text;
        ImageBudget few({.max_steps = kLinks * kParts / 4});
        EXPECT_EQ(make(few), ErrorKind::too_large) << text;
    }
}

TEST(ImageBudget, TheTreeIsPartOfTheMemory) {
    Layer layer(oci::Digest::of({}));
    for (int i = 0; i < 100; ++i) add(layer, EntryKind::file, concat("a/b/c/", i));
    Node root = Node::directory();
    ImageBudget few({.max_memory = 100 * sizeof(Node)});
    EXPECT_EQ(failure([&] { apply_layer(root, layer, few); }), ErrorKind::too_large);
}

// A directory's object has a limit; it is seen before anything is written.
TEST(TreeWriter, DirectoriesThatAreTooLarge) {
    Node root = Node::directory();
    Node& directory = root.set_child("many", Node::directory());
    const std::string name(250, 'n');
    for (int i = 0; i < 38'000; ++i) directory.set_child(concat(name.substr(6), 100'000 + i), Node::file({}));
    EXPECT_EQ(failure([&] { check_directory_sizes(root); }), ErrorKind::too_large);
    directory.children().erase(directory.children().begin(), std::next(directory.children().begin(), 5'000));
    EXPECT_EQ(failure([&] { check_directory_sizes(root); }), std::nullopt);
}

TEST(Interrupt, EndsEveryWalkOfATree) {
    ImageBudget budget;
    Layer layer(oci::Digest::of({}));
    add(layer, EntryKind::file, "usr/x");
    Layer objects(oci::Digest::of({}));
    add(objects, EntryKind::file, "");
    ObjectIndex index;
    index.add(objects);
    const std::vector<std::pair<const char*, std::function<void(Node&)>>> walks{
        {"apply_layer", [&](Node& root) { apply_layer(root, layer, budget); }},
        {"drop_special", [](Node& root) { drop_special(root); }},
        {"count_below", [](Node& root) { count_below(root); }},
        {"resolve", [&](Node& root) { resolve(root, "usr", LastLink::keep, budget); }},
        {"make_bootable", [&](Node& root) { make_bootable(root, store_link, budget); }},
        {"merge_usr",
         [&](Node& root) {
             LayoutReport report;
             merge_usr(root, store_link, report, budget);
         }},
        {"place_kernel",
         [&](Node& root) {
             LayoutReport report;
             place_kernel(root, report, budget);
         }},
        {"ImageView", [&](Node& root) { ImageView(root, &index, budget); }},
        {"check_directory_sizes", [](Node& root) { check_directory_sizes(root); }},
    };
    for (const auto& [name, walk] : walks) {
        Node root = system_tree(budget);
        set_interrupted(SIGINT);
        EXPECT_THROW(walk(root), Interrupted) << name;
        set_interrupted(0);
    }
}

}  // namespace
}  // namespace osb::ostree

// Layers of images: an archive is read as import reads it, put on a tree that has a little of everything, and
// remembered as a layer's commit remembers it.
#include <cstdint>
#include <memory>
#include <string>

#include "ostree/import/layer_reader.hh"
#include "ostree/tree/overlay.hh"
#include "ostree/tree/tree.hh"
#include "tests/fuzz/repository_harness.hh"
#include "tests/fuzz/tar_mutator.hh"

namespace {

using namespace osb;
using fuzz::require;

fuzz::RepositoryHarness& harness() {
    static fuzz::RepositoryHarness instance;
    return instance;
}

std::shared_ptr<ostree::Layer> read_layer(ByteView bytes) {
    std::shared_ptr<ostree::Layer> out;
    const oci::Digest digest = oci::Digest::of(bytes);
    ostree::ImageBudget budget({.max_entries = 2000, .max_memory = 1UL << 21U, .free_bytes = 1UL << 22U});
    NoProgress progress;
    harness().run([&](ostree::ObjectWriter& writer, TaskPool& pool) {
        oci::LayerBlob blob{
            .bytes = std::make_unique<MemorySource>(bytes), .digest = digest, .size = bytes.size()};
        out = ostree::read_layer(std::move(blob), digest, {writer, pool, progress, budget});
    });
    return out;
}

ostree::Node base_tree() {
    ostree::ImageBudget budget;
    ostree::Node root = ostree::Node::directory();
    ostree::make_directories(root, "usr/lib", budget).set_child("old", ostree::Node::file({}));
    ostree::make_directories(root, "etc", budget);
    root.set_child("lib", ostree::Node::symlink({}, "usr/lib"));
    root.set_child("loop", ostree::Node::symlink({}, "/loop"));
    root.set_child("file", ostree::Node::file({}));
    return root;
}

// All of a tree as text. No name in it leads elsewhere.
void append_tree(std::string& out, const ostree::Node& node, std::size_t depth) {
    out += concat(static_cast<int>(node.kind), ' ', node.mode, ' ', node.uid, ' ', node.gid, ' ', node.target,
                  ' ', node.xattrs, ' ', to_hex(node.checksum), '\n');
    if (!node.is_directory()) return;
    for (const auto& [name, child] : node.children()) {
        require(!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos);
        require(name.size() <= ostree::kMaxComponent && !name.starts_with(".wh."));
        out += concat(depth, ' ', name, ' ');
        append_tree(out, child, depth + 1);
    }
}

// The tree that the layer makes of the base; "" when it cannot be put on it.
std::string tree_with(const ostree::Layer& layer) {
    ostree::ImageBudget budget;
    ostree::Node root = base_tree();
    std::string out;
    if (!fuzz::accepts([&] { ostree::apply_layer(root, layer, budget); })) return out;
    append_tree(out, root, 0);
    return out;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return fuzz::mutate_tar(data, size, max_size, seed, 0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::shared_ptr<ostree::Layer> layer;
    if (!fuzz::accepts([&] { layer = read_layer({data, size}); })) return 0;
    require(layer->uncompressed_size == size);
    fuzz::check_entries(*layer);
    for (const std::string& note : layer->notes()) require(fuzz::is_printable(note));
    ostree::Layer remembered(layer->diff_id());
    ostree::parse_entries(ostree::serialize_entries(*layer), remembered);
    require(tree_with(remembered) == tree_with(*layer));
    return 0;
}

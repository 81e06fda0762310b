// Trees, not bytes: the bytes choose the entries of layers from names that the layouts treat specially, with
// links of all kinds among them. The layers are put on each other, on nothing or on a base as an encapsulated
// image shows it, and laid out.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/error.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/layout/derived_layout.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/overlay.hh"

namespace {

using namespace osb;
using namespace osb::ostree;

constexpr std::array<std::string_view, 48> kNames{"usr",
                                                  "etc",
                                                  "var",
                                                  "bin",
                                                  "sbin",
                                                  "lib",
                                                  "lib64",
                                                  "home",
                                                  "root",
                                                  "srv",
                                                  "mnt",
                                                  "opt",
                                                  "local",
                                                  "share",
                                                  "boot",
                                                  "sysroot",
                                                  "ostree",
                                                  "repo",
                                                  "objects",
                                                  "run",
                                                  "tmp",
                                                  "dev",
                                                  "proc",
                                                  "factory",
                                                  "modules",
                                                  "roothome",
                                                  "usrlocal",
                                                  "6.1-lts",
                                                  "6.2",
                                                  "vmlinuz",
                                                  "kernel",
                                                  "vmlinuz-lts",
                                                  "initramfs-lts",
                                                  "initramfs.img",
                                                  "config-lts",
                                                  "a",
                                                  "b",
                                                  "c",
                                                  "d",
                                                  "e",
                                                  ".dockerenv",
                                                  "vmlinuz-6.2",
                                                  "initrd",
                                                  "aa",
                                                  "updates",
                                                  "init",
                                                  ".wh..wh.plnk",
                                                  "x"};

class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    bool at_end() const noexcept { return position_ >= size_; }
    std::uint8_t next() { return at_end() ? 0 : data_[position_++]; }

    // Up to four names; `target`: as the text of a link has them.
    std::string path(bool target) {
        const std::uint8_t shape = next();
        std::string out = target && (shape & 0x80U) != 0 ? "/" : "";
        for (unsigned i = 0; i < (shape & 3U) + 1; ++i) {
            const std::uint8_t choice = next();
            if (!out.empty() && !out.ends_with('/')) out += '/';
            if (target && choice >= 200) {
                out += choice >= 220 ? ".." : ".";
            } else {
                out += kNames[choice % kNames.size()];
            }
        }
        return out;
    }

  private:
    const std::uint8_t* data_;
    std::size_t size_;
    std::size_t position_ = 0;
};

void read_entry(Bytes& bytes, Layer& layer) {
    constexpr std::array<EntryKind, 12> kKinds{
        EntryKind::file,     EntryKind::file,     EntryKind::file,      EntryKind::symlink,
        EntryKind::symlink,  EntryKind::symlink,  EntryKind::directory, EntryKind::directory,
        EntryKind::hardlink, EntryKind::whiteout, EntryKind::opaque,    EntryKind::special};
    LayerEntry& entry = layer.entries().emplace_back();
    const std::uint8_t kind = bytes.next();
    entry.kind = kKinds[kind % kKinds.size()];
    entry.path = layer.keep(bytes.path(false));
    entry.mode = 0755;
    switch (entry.kind) {
        case EntryKind::file:
            entry.checksum.fill(static_cast<std::uint8_t>(kind / kKinds.size()));
            break;
        case EntryKind::symlink: {
            const std::string target = bytes.path(true);
            entry.target = layer.keep(target);
            entry.checksum = sha256(as_bytes(target));
            break;
        }
        case EntryKind::hardlink:
            entry.target = layer.keep(bytes.path(false));
            break;
        default:
            break;
    }
}

// A layer ends at a byte of 0 where an entry might begin.
void put_layer(Bytes& bytes, Node& root, ImageBudget& budget, DirectoryXattrs xattrs) {
    Layer layer(oci::Digest::of({}));
    while (!bytes.at_end() && bytes.next() != 0) read_entry(bytes, layer);
    try {
        apply_layer(root, layer, budget, xattrs);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::internal) std::abort();
    }
}

Sha256 store_link(std::string_view target, std::uint32_t /*uid*/, std::uint32_t /*gid*/) {
    return sha256(as_bytes(target));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const bool has_base = (bytes.next() & 1U) != 0;
    ImageBudget budget;
    Node root = Node::directory();
    put_layer(bytes, root, budget, DirectoryXattrs::replace);
    std::optional<DerivedLayout> derived;
    std::optional<ImageView> view;
    Layer objects(oci::Digest::of({}));
    LayerEntry& object = objects.entries().emplace_back();
    object.checksum.fill(0xAA);
    ObjectIndex index;
    index.add(objects);
    try {
        if (has_base) {
            drop_special(root);
            derived.emplace(root);
            view.emplace(root, &index, budget);
        }
        while (!bytes.at_end()) put_layer(bytes, root, budget, DirectoryXattrs::keep);
        drop_special(root);
        if (view) view->strip();
        if (derived) {
            derived->apply(root, store_link, budget);
        } else {
            make_bootable(root, store_link, budget);
        }
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::internal) std::abort();
    }
    return 0;
}

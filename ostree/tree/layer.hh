// A layer as import sees it: a list of entries in the layer's own order, whose files are objects in the
// repository already.
#pragma once

#include <cstdint>
#include <deque>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "oci/documents/digest.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {

enum class EntryKind : std::uint8_t {
    file,       // `checksum` names the content object
    symlink,    // likewise; `target` is where it points to
    directory,  // an entry of its own: its mode, owner and attributes count
    hardlink,   // to the path `target`
    whiteout,   // `path` is hidden in the layers below
    opaque,     // everything below the directory `path` is hidden in the layers below
    special,    // a device or FIFO, which ostree cannot hold: it takes the place of what is there, and goes
};

struct LayerEntry {
    // Normalised: no leading, trailing or doubled '/', no '.' or '..', valid UTF-8; "" for the root.
    std::string_view path;
    std::string_view target;
    std::string_view xattrs;  // of directories, as XattrBytes; those of files are in their objects
    Sha256 checksum{};
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    EntryKind kind = EntryKind::file;
};

// What a layer brings. The layers of an encapsulated image hold a commit. Their entries are its content
// objects, files and symbolic links without a path; the names under which the image shows them, hard
// links to an object's checksum in hexadecimal digits, or to "" for a file that is no object's; and, of all
// but the first, the directories that the image shows.
enum class LayerKind : std::uint8_t {
    ordinary,  // changes to the tree
    commit,    // the first of an encapsulated image: the commit, its directories, and objects
    objects,   // any other of an encapsulated image
};

// Owns its entries and all that they point to.
class Layer {
  public:
    explicit Layer(oci::Digest diff_id, LayerKind kind = LayerKind::ordinary)
        : diff_id_(std::move(diff_id)), kind_(kind) {}
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    ~Layer() = default;

    // The digest of the uncompressed layer, true.
    const oci::Digest& diff_id() const noexcept { return diff_id_; }

    LayerKind kind() const noexcept { return kind_; }

    // A copy of `text` that lives as long as the layer.
    std::string_view keep(std::string_view text);

    // What the entries take, for ImageBudget::keep().
    std::size_t memory() const noexcept { return text_size_ + entries_.size() * sizeof(LayerEntry); }

    // Entries stay where they are when others are added.
    std::deque<LayerEntry>& entries() noexcept { return entries_; }
    const std::deque<LayerEntry>& entries() const noexcept { return entries_; }

    // What could not be stored, a line each, escaped: "2 devices dropped: dev/null, dev/zero".
    std::vector<std::string>& notes() noexcept { return notes_; }
    const std::vector<std::string>& notes() const noexcept { return notes_; }

    // The digest of the bytes that were read and checked; nothing for a layer that was known already.
    std::optional<oci::Digest> blob;
    std::uint64_t uncompressed_size = 0;  // bytes
    std::optional<CommitId> commit;       // LayerKind::commit: the one that it holds
    // LayerKind::commit: the diffIDs of all layers that hold that commit, when they are known.
    std::vector<std::string> image_layers;

  private:
    oci::Digest diff_id_;
    LayerKind kind_;
    std::pmr::monotonic_buffer_resource text_;
    std::size_t text_size_ = 0;
    std::deque<LayerEntry> entries_;
    std::vector<std::string> notes_;
};

bool has_hard_links(const Layer& layer);

// A layer that was read before costs the same memory as one that is read; nothing for nullptr.
void charge(ImageBudget& budget, const Layer* layer);
void give_back(ImageBudget& budget, const Layer& layer) noexcept;

}  // namespace osb::ostree

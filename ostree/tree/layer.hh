// A layer during an import: a list of entries in the order of the layer. Its files are already objects in the
// repository.
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

// The kind of an entry.
enum class EntryKind : std::uint8_t {
    file,       // `checksum` names the content object
    symlink,    // the same; `target` is its target
    directory,  // an explicit entry, whose mode, owner and attributes apply
    hardlink,   // to the path `target`
    whiteout,   // hides `path` in lower layers
    opaque,     // hides everything below the directory `path` in lower layers
    special,    // a device or FIFO, which ostree cannot store: it replaces what is there, and is then dropped
};

// An entry of a layer. Its texts belong to the layer.
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

// The SHA-256 of a file's content, without the metadata that the object's checksum covers, too.
struct FileDigest {
    Sha256 digest{};
    std::uint64_t size = 0;             // at least 1
    const LayerEntry* entry = nullptr;  // an entry of the layer, which names the object
};

// The content of a layer. The layers of an encapsulated image hold a commit. They have these entries: content
// objects, as files and symbolic links without a path; their names in the image, as hard links whose target
// is the object's checksum in hexadecimal digits, or "" for a file that is not an object; and, except in the
// first layer, the directories that the image shows.
enum class LayerKind : std::uint8_t {
    ordinary,  // changes to the tree
    commit,    // the first of an encapsulated image: the commit, its directories, and objects
    objects,   // any other of an encapsulated image
};

// A layer, which owns its entries and all the memory that they refer to. Not thread-safe.
class Layer {
  public:
    explicit Layer(oci::Digest diff_id, LayerKind kind = LayerKind::ordinary)
        : diff_id_(std::move(diff_id)), kind_(kind) {}
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    ~Layer() = default;

    // The verified digest of the uncompressed layer.
    const oci::Digest& diff_id() const noexcept { return diff_id_; }

    LayerKind kind() const noexcept { return kind_; }

    // Copies `text`. The result is valid during the lifetime of the layer.
    std::string_view keep(std::string_view text);

    // The memory of the entries in bytes, for ImageBudget::keep().
    std::size_t memory() const noexcept {
        return text_size_ + entries_.size() * sizeof(LayerEntry) + digests_.size() * sizeof(FileDigest);
    }

    // Entries keep their addresses when others are added.
    std::deque<LayerEntry>& entries() noexcept { return entries_; }
    const std::deque<LayerEntry>& entries() const noexcept { return entries_; }

    // The digests of files, as far as they were verified: of a layer that was read or fetched, not of one
    // that was known. Digests keep their addresses when others are added.
    std::deque<FileDigest>& digests() noexcept { return digests_; }
    const std::deque<FileDigest>& digests() const noexcept { return digests_; }

    // Entries that could not be stored, one line each, escaped: "2 devices dropped: dev/null, dev/zero".
    std::vector<std::string>& notes() noexcept { return notes_; }
    const std::vector<std::string>& notes() const noexcept { return notes_; }

    // The digest of the blob that was read and verified; nullopt for a layer that was already known.
    std::optional<oci::Digest> blob;
    std::uint64_t uncompressed_size = 0;  // in bytes
    std::optional<CommitId> commit;       // LayerKind::commit: the commit in the layer
    // LayerKind::commit: the names in layer_store.hh of all layers that hold that commit, if they are known.
    std::vector<std::string> image_layers;
    // Set if the layer was not read: its table of contents names its objects or files. Each of them is right,
    // but `diff_id` was not verified, and the blob may hold something else. The value is table_key() in
    // layer_store.hh.
    std::optional<oci::Digest> table;
    // An interrupted fetch of the files of `table`: the entries are files of known content, without paths.
    bool is_partial = false;

  private:
    oci::Digest diff_id_;
    LayerKind kind_;
    std::pmr::monotonic_buffer_resource text_;
    std::size_t text_size_ = 0;
    std::deque<LayerEntry> entries_;
    std::deque<FileDigest> digests_;
    std::vector<std::string> notes_;
};

bool has_hard_links(const Layer& layer);

// Charges the memory of a layer that was loaded instead of read; does nothing for nullptr.
void charge(ImageBudget& budget, const Layer* layer);
// The same, but returns false, and charges nothing, if that is beyond a limit.
bool try_charge(ImageBudget& budget, const Layer& layer);
void give_back(ImageBudget& budget, const Layer& layer) noexcept;

}  // namespace osb::ostree

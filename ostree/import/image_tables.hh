// The tables of contents of an image's layers, each read once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "ostree/import/layer_objects.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// The table of contents of an ordinary layer.
struct FileTable {
    oci::Toc toc;
    oci::TocLocation location;
    // The manifest has the digest of the table. Otherwise the footer of the blob points to it, and it must
    // not be used unless the archive that it describes has the layer's diffID.
    bool is_in_manifest = false;
};

// Reads tables on demand and keeps them. All tables together have the limits of an image (image_budget.hh); a
// table that would exceed them is not used. Thread-safe.
class ImageTables {
  public:
    // The image is borrowed.
    explicit ImageTables(const oci::Image& image);

    // The objects of layer `index`, which holds a part of the image's commit; nullptr if the layer is not
    // zstd:chunked or its table is not readable. The table has the digest in the manifest, but may not match
    // the layer. So the caller must check each object, and must not record the result as the content of the
    // layer. Throws Error{unavailable} if the registry fails; Interrupted.
    std::shared_ptr<const LayerObjects> find(std::size_t index);

    // The table of layer `index`, which is an ordinary layer; nullptr as find(). Nothing proves that it lists
    // what the layer's archive holds. Throws as find().
    std::shared_ptr<const FileTable> find_files(std::size_t index);

    // The bytes of tables and footers that were read.
    std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    // The requests for them.
    std::uint64_t requests() const noexcept { return requests_; }

  private:
    // A table that was looked for.
    struct Table {
        std::shared_ptr<const FileTable> files;
        std::shared_ptr<const LayerObjects> objects;  // of a layer with a part of a commit
    };
    enum class Content { files, objects };
    Table find(std::size_t index, Content content);
    Table read(std::size_t index, Content content);
    Table read_table(std::size_t index, Content content);
    std::optional<oci::TocLocation> read_footer(const oci::Descriptor& layer);
    std::string read_bytes(const oci::Descriptor& layer, std::uint64_t offset, std::uint64_t size);

    const oci::Image& image_;
    ImageBudget budget_;  // of all tables
    std::mutex mutex_;    // protects the map
    std::map<std::size_t, Table> known_;
    std::atomic<std::uint64_t> bytes_read_{0};
    std::atomic<std::uint64_t> requests_{0};
};

// The content objects of a layer and their names in the image, as entries (Layer::table).
std::shared_ptr<Layer> make_object_layer(const LayerObjects& objects, const oci::Descriptor& blob,
                                         const oci::Digest& diff_id, LayerKind kind);

}  // namespace osb::ostree

// Turns the entries of an ordinary layer into a Layer, by the rules of docs/import.md, "Layers". The entries
// come from the layer's archive (layer_reader.hh, table_layer.hh), or from its table of contents, which may
// list something else (file_fetch.hh).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/tar/tar_reader.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// True if take() asks for the content of this entry: a regular file that becomes an object. Throws as
// normalize_path() and classify() in ostree/tree/layer_path.hh.
bool has_content_object(const oci::TarEntry& entry);

// Builds one layer. Not thread-safe.
class LayerBuilder {
  public:
    // `writer` and `budget` are borrowed.
    LayerBuilder(std::shared_ptr<Layer> layer, ObjectWriter& writer, ImageBudget& budget)
        : layer_(std::move(layer)), writer_(writer), budget_(budget) {}
    LayerBuilder(const LayerBuilder&) = delete;
    LayerBuilder& operator=(const LayerBuilder&) = delete;
    virtual ~LayerBuilder() = default;

    // Adds the next entry. Stores symbolic links, and passes files to take_content(). Throws Error with the
    // entry as context: invalid for what import refuses; too_large.
    void take(const oci::TarEntry& entry);
    // Adds the notes: of bytes behind the end of the archive, and of dropped entries. Call it once, last.
    void finish(std::uint64_t rubbish = 0);

  protected:
    // Stores the content of a regular file, which may be empty, and sets out.checksum, now or before the
    // layer is used. `out` keeps its address.
    virtual void take_content(const oci::TarEntry& entry, LayerEntry& out, XattrBytes xattrs) = 0;

    const std::shared_ptr<Layer>& layer() const noexcept { return layer_; }

  private:
    // Dropped entries by kind, with the first few names of each.
    struct Dropped {
        std::size_t count = 0;
        std::string names;
    };

    void take_named(const oci::TarEntry& entry);
    void take_ordinary(const oci::TarEntry& entry, const std::string& path);
    void take_file(const oci::TarEntry& entry, const std::string& path);
    void take_directory(const oci::TarEntry& entry, const std::string& path);
    void take_symlink(const oci::TarEntry& entry, const std::string& path);
    void take_hardlink(const oci::TarEntry& entry, const std::string& path);
    LayerEntry& add(EntryKind kind, std::string_view path);
    std::string_view keep(std::string_view text);
    XattrBytes xattrs_of(const oci::TarEntry& entry);
    void drop(const std::string& kind, std::string_view name);

    std::shared_ptr<Layer> layer_;
    ObjectWriter& writer_;
    ImageBudget& budget_;
    std::map<std::string, Dropped> dropped_;
};

// The metadata of a file or link of a layer. Borrows `xattrs`.
FileMeta file_meta(const LayerEntry& entry, mode_t type, std::string_view xattrs);

}  // namespace osb::ostree

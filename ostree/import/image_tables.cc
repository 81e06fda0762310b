#include "ostree/import/image_tables.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/hash.hh"
#include "base/log.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {

ImageTables::ImageTables(const oci::Image& image) : image_(image), budget_(image.limits) {}

std::shared_ptr<const LayerObjects> ImageTables::find(std::size_t index) {
    return find(index, Content::objects).objects;
}

std::shared_ptr<const FileTable> ImageTables::find_files(std::size_t index) {
    return find(index, Content::files).files;
}

ImageTables::Table ImageTables::find(std::size_t index, Content content) {
    {
        const std::lock_guard guard(mutex_);
        if (const auto known = known_.find(index); known != known_.end()) return known->second;
    }
    Table out = read(index, content);
    const std::lock_guard guard(mutex_);
    return known_.emplace(index, std::move(out)).first->second;
}

ImageTables::Table ImageTables::read(std::size_t index, Content content) {
    try {
        return read_table(index, content);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        // The caller can read the layer itself instead.
        log_debug(concat("layer ", image_.manifest.layers[index].digest.short_string(),
                         " has no table: ", error.message()));
        return {};
    }
}

ImageTables::Table ImageTables::read_table(std::size_t index, Content content) {
    const oci::Descriptor& descriptor = image_.manifest.layers[index];
    std::optional<oci::TocLocation> location = oci::find_toc(descriptor);
    const bool is_in_manifest = location.has_value();
    if (!location && content == Content::files) location = read_footer(descriptor);
    if (!location) return {};
    const std::string bytes = read_bytes(descriptor, location->toc.offset, location->toc.size);
    if (!is_in_manifest) location->toc_digest = sha256(as_bytes(bytes));
    // The texts of the entries are a part of the uncompressed table.
    budget_.keep(location->toc.uncompressed_size);
    oci::Toc toc = oci::read_toc(as_bytes(bytes), *location);
    budget_.take_entries(toc.entries.size());
    budget_.keep(toc.entries.size() * (sizeof(oci::TocEntry) + sizeof(oci::TocChunk)));
    if (content == Content::files) {
        return {.files = std::make_shared<const FileTable>(FileTable{
                    .toc = std::move(toc), .location = *location, .is_in_manifest = is_in_manifest}),
                .objects = {}};
    }
    auto table = std::make_shared<const oci::Toc>(std::move(toc));
    return {
        .files = {},
        .objects = std::make_shared<const LayerObjects>(find_layer_objects(std::move(table), index == 0))};
}

std::optional<oci::TocLocation> ImageTables::read_footer(const oci::Descriptor& layer) {
    if (!layer.media_type.ends_with("zstd")) return {};
    const std::uint64_t size = std::min<std::uint64_t>(layer.size, oci::kMaxTocFooter);
    std::optional<oci::TocLocation> out =
        oci::find_toc_footer(read_bytes(layer, layer.size - size, size), layer);
    if (!out || out->tar_split) return out;
    log_debug(concat("layer ", layer.digest.short_string(),
                     " has a table that its manifest does not name, and no tar-split data to prove it"));
    return {};
}

std::string ImageTables::read_bytes(const oci::Descriptor& layer, std::uint64_t offset, std::uint64_t size) {
    std::string out = oci::read_range(*image_.source, layer, offset, size);
    bytes_read_ += out.size();
    ++requests_;
    return out;
}

std::shared_ptr<Layer> make_object_layer(const LayerObjects& objects, const oci::Descriptor& blob,
                                         const oci::Digest& diff_id, LayerKind kind) {
    auto out = std::make_shared<Layer>(diff_id, kind);
    out->table = table_key(blob, diff_id);
    for (const LayerObject& object : objects.objects) {
        if (object.name.suffix != "file") continue;
        const oci::TarEntry& tar = object.entry->tar;
        const bool is_link = tar.type == oci::TarType::symlink;
        LayerEntry& entry = out->entries().emplace_back();
        entry.kind = is_link ? EntryKind::symlink : EntryKind::file;
        entry.checksum = parse_sha256(object.name.checksum);
        entry.mode = tar.mode;
        entry.uid = tar.uid;
        entry.gid = tar.gid;
        if (is_link) entry.target = out->keep(tar.link_target);
    }
    for (const LayerObjectName& name : objects.names) {
        const oci::TarEntry& tar = name.entry->tar;
        LayerEntry& entry = out->entries().emplace_back();
        entry.kind = EntryKind::hardlink;
        entry.path = out->keep(normalize_path(tar.path));
        entry.target = out->keep(name.checksum);
        entry.mode = tar.mode;
        entry.uid = tar.uid;
        entry.gid = tar.gid;
    }
    return out;
}

}  // namespace osb::ostree

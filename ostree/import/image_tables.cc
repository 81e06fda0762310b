#include "ostree/import/image_tables.hh"

#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {

ImageTables::ImageTables(const oci::Image& image) : image_(image) {}

std::shared_ptr<const LayerObjects> ImageTables::find(std::size_t index) {
    return find(index, Content::objects).objects;
}

std::shared_ptr<const oci::Toc> ImageTables::find_files(std::size_t index) {
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
    const oci::Descriptor& descriptor = image_.manifest.layers[index];
    try {
        const auto location = oci::find_toc(descriptor);
        if (!location) return {};
        const std::string bytes =
            oci::read_range(*image_.source, descriptor, location->toc.offset, location->toc.size);
        bytes_read_ += bytes.size();
        ++requests_;
        // The texts of the entries are a part of the uncompressed table.
        budget_.keep(location->toc.uncompressed_size);
        auto table = std::make_shared<const oci::Toc>(oci::read_toc(as_bytes(bytes), *location));
        budget_.take_entries(table->entries.size());
        budget_.keep(table->entries.size() * (sizeof(oci::TocEntry) + sizeof(oci::TocChunk)));
        if (content == Content::files) return {.files = std::move(table), .objects = {}};
        return {.files = {},
                .objects =
                    std::make_shared<const LayerObjects>(find_layer_objects(std::move(table), index == 0))};
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        // The caller can read the layer itself instead.
        log_debug(concat("layer ", descriptor.digest.short_string(), " has no table: ", error.message()));
        return {};
    }
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

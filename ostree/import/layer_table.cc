#include "ostree/import/layer_table.hh"

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kFile = ".file";
constexpr std::size_t kDigits = 64;

// The checksum in the path of a content object; nullopt for other paths.
std::optional<Sha256> object_of(const std::string& path) {
    const std::string normal = normalize_path(path);
    std::string_view rest = normal;
    if (!rest.starts_with(kImageObjects) || !rest.ends_with(kFile)) return std::nullopt;
    rest = rest.substr(kImageObjects.size(), rest.size() - kImageObjects.size() - kFile.size());
    if (rest.size() != kDigits + 1 || rest[2] != '/') return std::nullopt;
    return parse_sha256(concat(rest.substr(0, 2), rest.substr(3)));
}

LayerTable read_layer_table(oci::ImageSource& source, const oci::Descriptor& descriptor,
                            const oci::Digest& diff_id) {
    const auto location = oci::find_toc(descriptor);
    if (!location) return {};
    const std::string bytes = oci::read_range(source, descriptor, location->toc.offset, location->toc.size);
    const oci::Toc table = oci::read_toc(as_bytes(bytes), *location);
    auto layer = std::make_shared<Layer>(diff_id, LayerKind::objects);
    for (const oci::TocEntry& entry : table.entries) {
        const bool is_link = entry.tar.type == oci::TarType::symlink;
        if (!is_link && entry.tar.type != oci::TarType::file) continue;
        const std::optional<Sha256> object = object_of(entry.tar.path);
        if (!object) continue;
        LayerEntry& out = layer->entries().emplace_back();
        out.kind = is_link ? EntryKind::symlink : EntryKind::file;
        out.checksum = *object;
        out.mode = entry.tar.mode;
        out.uid = entry.tar.uid;
        out.gid = entry.tar.gid;
        if (is_link) out.target = layer->keep(entry.tar.link_target);
    }
    return {.layer = std::move(layer), .bytes_read = location->toc.size};
}

}  // namespace

LayerTable find_layer_table(const oci::Image& image, std::size_t index) {
    const oci::Descriptor& descriptor = image.manifest.layers[index];
    try {
        return read_layer_table(*image.source, descriptor, image.config.diff_ids[index]);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        // The import can read the layer itself instead.
        log_debug(concat("layer ", descriptor.digest.short_string(), " has no table: ", error.message()));
        return {};
    }
}

}  // namespace osb::ostree

#include "ostree/export/layer_contents.hh"

#include <sys/stat.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "base/saturating.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/layer_entries.hh"

namespace osb::ostree {
namespace {

// Increase it when layers that were written before must not be kept.
constexpr std::string_view kVersion = "1";
constexpr std::size_t kMaxFile = 256UL * 1024 * 1024;
constexpr std::string_view kWhat = "a record of a layer's contents";

std::string describe_format(const oci::LayerFormat& format) {
    return concat(kVersion, ' ', format.to_string());
}

// The directories that EncapsulatedTar::write_file() writes for a name.
void add_parents(const CommitWalk& walk, const std::string& path, std::set<const WalkedDirectory*>& out) {
    const std::string visible = image_path(path);
    out.insert(&walk.directories.front());
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
        const WalkedDirectory* const directory = find_directory(walk, path.substr(0, end));
        if (directory == nullptr || !visible.starts_with(image_path(directory->path) + '/')) continue;
        out.insert(directory);
    }
}

// Fills a layer with files of the walk, and returns their weight.
std::uint64_t fill(Layer& layer, const Repository& repository, const CommitWalk& walk,
                   const std::vector<const WalkedFile*>& files) {
    std::uint64_t weight = 0;
    std::set<const WalkedDirectory*> directories;
    for (const WalkedFile* const file : files) {
        const ContentObject object = read_object_header(repository, file->checksum);
        weight = saturating_add(weight, layer_weight(object.size));
        LayerEntry& entry = layer.entries().emplace_back();
        entry.kind = S_ISLNK(object.mode) ? EntryKind::symlink : EntryKind::file;
        entry.checksum = file->checksum;
        entry.mode = object.mode & 07777U;
        entry.uid = object.uid;
        entry.gid = object.gid;
        const std::string_view target = layer.keep(to_hex(file->checksum));
        for (const std::string& path : file->paths) {
            if (!is_shown(path)) continue;
            add_parents(walk, path, directories);
            LayerEntry name = entry;
            name.kind = EntryKind::hardlink;
            name.checksum = {};
            name.path = layer.keep(image_path(path));
            name.target = target;
            layer.entries().push_back(name);
        }
    }
    for (const WalkedDirectory* const directory : directories) {
        LayerEntry& entry = layer.entries().emplace_back();
        entry.kind = EntryKind::directory;
        entry.path = layer.keep(image_path(directory->path));
        entry.mode = directory->mode;
        entry.uid = directory->uid;
        entry.gid = directory->gid;
    }
    return weight;
}

oci::Json head_of(const oci::WrittenLayer& written, const oci::LayerFormat& format, std::uint64_t weight) {
    return {{"format", describe_format(format)},
            {"mediaType", written.descriptor.media_type},
            {"digest", written.descriptor.digest.to_string()},
            {"size", written.descriptor.size},
            {"annotations", written.descriptor.annotations},
            {"diffID", written.diff_id.to_string()},
            {"weight", weight}};
}

// nullopt for a record of something else.
std::optional<ExportedLayer> parse(std::string_view text, const oci::Digest& blob, const oci::Digest& diff_id,
                                   const oci::LayerFormat& format) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) throw Error(ErrorKind::invalid, concat(kWhat, " ends too early"));
    const oci::Json json = oci::parse_json(std::string(text.substr(0, end)), kWhat);
    if (oci::required_string(json, "format", kWhat) != describe_format(format) ||
        oci::required_string(json, "digest", kWhat) != blob.to_string() ||
        oci::required_string(json, "diffID", kWhat) != diff_id.to_string()) {
        return std::nullopt;
    }
    // Evaluate what may throw first: g++ 12 destroys the members of an incomplete aggregate twice.
    const std::string media_type = oci::required_string(json, "mediaType", kWhat);
    const std::uint64_t size = oci::required_count(json, "size", kWhat);
    std::map<std::string, std::string> annotations = oci::string_map(json, "annotations", kWhat);
    ExportedLayer out{.descriptor = {.media_type = media_type,
                                     .digest = blob,
                                     .size = size,
                                     .annotations = std::move(annotations)},
                      .layer = std::make_shared<Layer>(diff_id, LayerKind::objects),
                      .weight = oci::required_count(json, "weight", kWhat)};
    parse_entries(text.substr(end + 1), *out.layer);
    return out;
}

}  // namespace

ContentsRecord::ContentsRecord(const Repository& repository)
    : repository_(repository), files_(repository, "contents", kMaxRecords) {}

std::optional<ExportedLayer> ContentsRecord::find(const oci::Digest& blob, const oci::Digest& diff_id,
                                                  const oci::LayerFormat& format) const {
    try {
        auto out = parse(files_.read(blob.hex(), kMaxFile), blob, diff_id, format);
        if (out) files_.touch(blob.hex());
        return out;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) log_debug(error.message());
    }
    return std::nullopt;
}

void ContentsRecord::save(const oci::WrittenLayer& written, const oci::LayerFormat& format,
                          const CommitWalk& walk, const std::vector<const WalkedFile*>& files) const {
    if (find(written.descriptor.digest, written.diff_id, format)) return;
    Layer layer(written.diff_id, LayerKind::objects);
    const std::uint64_t weight = fill(layer, repository_, walk, files);
    files_.write(written.descriptor.digest.hex(),
                 concat(head_of(written, format, weight).dump(), '\n', serialize_entries(layer)));
}

}  // namespace osb::ostree

#include "ostree/export/layer_record.hh"

#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::ostree {
namespace {

// Increase it when the same inputs give other bytes of a layer.
constexpr std::string_view kWriterVersion = "2";
constexpr std::size_t kMaxRecord = 64UL * 1024;
constexpr std::string_view kRecord = "a record of a layer";
constexpr const char* kDirectory = "layers";

oci::Json to_json(const Sha256& recipe, const oci::WrittenLayer& layer, const std::string& writer) {
    return {{"recipe", to_hex(recipe)},
            {"writer", writer},
            {"mediaType", layer.descriptor.media_type},
            {"digest", layer.descriptor.digest.to_string()},
            {"size", layer.descriptor.size},
            {"annotations", layer.descriptor.annotations},
            {"diffID", layer.diff_id.to_string()}};
}

// The file name is `recipe`. A file with another recipe inside belongs to another layer.
oci::WrittenLayer from_json(const oci::Json& json, const Sha256& recipe) {
    if (oci::required_string(json, "recipe", kRecord) != to_hex(recipe))
        throw Error(ErrorKind::invalid, "a record of a layer belongs to another layer");
    // Evaluate what may throw first: g++ 12 destroys the members of an incomplete aggregate twice.
    const oci::Digest digest = oci::Digest::parse(oci::required_string(json, "digest", kRecord));
    const oci::Digest diff_id = oci::Digest::parse(oci::required_string(json, "diffID", kRecord));
    const std::string media_type = oci::required_string(json, "mediaType", kRecord);
    const std::int64_t size =
        oci::required_integer(json, "size", 0, std::numeric_limits<std::int64_t>::max(), kRecord);
    if (oci::find_member(json, "annotations") == nullptr) {
        throw Error(ErrorKind::invalid, "a record of a layer without annotations");
    }
    std::map<std::string, std::string> annotations = oci::string_map(json, "annotations", kRecord);
    return {.descriptor = {.media_type = media_type,
                           .digest = digest,
                           .size = static_cast<std::uint64_t>(size),
                           .annotations = std::move(annotations)},
            .diff_id = diff_id};
}

}  // namespace

LayerRecipe::LayerRecipe(std::string_view kind, const oci::LayerFormat& format) {
    for (const std::string_view text : {std::string_view(OSB_VERSION), kWriterVersion, kind}) add(text);
    add(format.to_string());
}

void LayerRecipe::add(std::string_view text) {
    hasher_.update(concat(text.size(), ':'));
    hasher_.update(text);
}

void LayerRecipe::add_files(const std::vector<const WalkedFile*>& files) {
    add(concat(files.size()));
    for (const WalkedFile* file : files) {
        hasher_.update(file->checksum);
        add(concat(file->paths.size()));
        for (const std::string& path : file->paths) add(path);
    }
}

void LayerRecipe::add_directories(const std::vector<WalkedDirectory>& directories) {
    add(concat(directories.size()));
    for (const WalkedDirectory& directory : directories) {
        hasher_.update(directory.meta);
        add(directory.path);
    }
}

LayerRecord::LayerRecord(const Repository& repository, const oci::LayerFormat& format)
    : files_(repository, kDirectory, kMaxRecords),
      writer_(concat(OSB_VERSION, ' ', kWriterVersion, ' ', format.to_string())) {}

std::optional<oci::WrittenLayer> LayerRecord::find(const Sha256& recipe) const {
    try {
        const std::string text = files_.read(to_hex(recipe), kMaxRecord);
        return from_json(oci::parse_json(text, "a record of a layer"), recipe);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) log_debug(error.message());
    }
    return std::nullopt;
}

std::map<std::string, oci::Descriptor> LayerRecord::blobs() const {
    std::map<std::string, oci::Descriptor> out;
    for (const std::string& name : files_.names()) {
        if (name.size() != 2 * sizeof(Sha256)) continue;
        try {
            const oci::Json json = oci::parse_json(files_.read(name, kMaxRecord), name);
            oci::WrittenLayer layer = from_json(json, parse_sha256(name));
            if (oci::required_string(json, "writer", name) != writer_) continue;
            std::string digest = layer.descriptor.digest.to_string();
            out.insert_or_assign(std::move(digest), std::move(layer.descriptor));
        } catch (const Error& error) {
            log_debug(error.message());  // damaged, or from an older version
        }
    }
    return out;
}

void LayerRecord::save(const Sha256& recipe, const oci::WrittenLayer& layer) const {
    files_.write(to_hex(recipe), to_json(recipe, layer, writer_).dump());
}

}  // namespace osb::ostree

#include "ostree/export/kept_layers.hh"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/layer_store.hh"

namespace osb::ostree {
namespace {

using Files = std::map<Sha256, const WalkedFile*>;

// The objects of a layer, each with its names in the image.
using ObjectNames = std::map<Sha256, std::set<std::string>>;

// Directories by their paths in the image.
using Directories = std::map<std::string, const WalkedDirectory*, std::less<>>;

template<typename A, typename B>
bool same_owner_and_mode(const A& a, const B& b) noexcept {
    return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid;
}

// Returns nullopt if the layer shows a file that is not one of its objects, or with other metadata than the
// object's: runtimes give a link the mode and owner of its own entry.
std::optional<ObjectNames> names_in(const Layer& layer) {
    ObjectNames out;
    std::map<Sha256, const LayerEntry*> objects;
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind != EntryKind::file && entry.kind != EntryKind::symlink) continue;
        out.try_emplace(entry.checksum);
        objects.emplace(entry.checksum, &entry);
    }
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind != EntryKind::hardlink) continue;
        if (entry.target.empty()) return std::nullopt;
        const auto object = out.find(parse_sha256(entry.target));
        if (object == out.end()) return std::nullopt;
        const LayerEntry& shown = *objects.at(object->first);
        if (shown.kind == EntryKind::file && !same_owner_and_mode(entry, shown)) return std::nullopt;
        object->second.emplace(entry.path);
    }
    return out;
}

bool has_names(const WalkedFile& file, const std::set<std::string>& names) {
    return file.paths.size() == names.size() &&
           std::all_of(file.paths.begin(), file.paths.end(), [&names](const std::string& path) {
               return is_shown(path) && names.contains(image_path(path));
           });
}

Directories directories_of(const CommitWalk& walk) {
    Directories out;
    for (const WalkedDirectory& directory : walk.directories)
        out.emplace(image_path(directory.path), &directory);
    return out;
}

// Checks that the layer's directories match the commit. A container would show the metadata of the layer.
bool has_directories_of(const Layer& layer, const Directories& directories) {
    return std::all_of(layer.entries().begin(), layer.entries().end(), [&](const LayerEntry& entry) {
        if (entry.kind != EntryKind::directory) return true;
        const auto found = directories.find(entry.path);
        return found != directories.end() && same_owner_and_mode(entry, *found->second);
    });
}

// Removes the layer's files from `files` and returns them; nullopt if the layer holds anything else.
std::optional<std::vector<const WalkedFile*>> take_files(const Layer& layer, Files& files) {
    const std::optional<ObjectNames> names = names_in(layer);
    if (!names || names->empty()) return std::nullopt;
    std::vector<const WalkedFile*> out;
    for (const auto& [checksum, paths] : *names) {
        const auto file = files.find(checksum);
        if (file == files.end() || !has_names(*file->second, paths)) return std::nullopt;
        out.push_back(file->second);
    }
    for (const WalkedFile* file : out) files.erase(file->checksum);
    std::sort(out.begin(), out.end());  // pointers into a vector, in the order of the walk
    return out;
}

}  // namespace

std::vector<KeptLayer> find_kept_layers(const Repository& repository, const CommitWalk& walk,
                                        const oci::Image& previous) {
    std::vector<KeptLayer> out;
    try {
        const std::size_t layers = encapsulated_layers(previous);
        Files files;
        for (const WalkedFile& file : walk.files) files.emplace(file.checksum, &file);
        const Directories directories = directories_of(walk);
        for (std::size_t i = 1; i < layers; ++i) {
            const oci::Descriptor& descriptor = previous.manifest.layers[i];
            const oci::Digest& diff_id = previous.config.diff_ids[i];
            const std::unique_ptr<Layer> layer =
                load_layer(repository, descriptor.digest, diff_id, LayerKind::objects);
            if (!layer || !has_directories_of(*layer, directories)) continue;
            if (auto held = take_files(*layer, files)) {
                out.push_back({.index = i,
                               .descriptor = descriptor,
                               .diff_id = diff_id,
                               .files = std::move(*held),
                               .is_verified = knows_blob(repository, descriptor.digest, diff_id),
                               .unpacked_size = layer->uncompressed_size});
            }
        }
    } catch (const Error& error) {
        // An invalid image cannot help, but the commit itself is not affected.
        log_warning(concat("layers of the previous image are not kept: ", error.message()));
        out.clear();
    }
    return out;
}

}  // namespace osb::ostree

#include "ostree/export/kept_layers.hh"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/saturating.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/export/layer_contents.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/objects/object_reader.hh"

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
// object's: runtimes give a link the mode and owner of its own entry. Also if a name appears twice: of two
// objects with one name, only the order of the archive says which one is shown.
std::optional<ObjectNames> names_in(const Layer& layer) {
    ObjectNames out;
    std::map<Sha256, const LayerEntry*> objects;
    std::set<std::string_view> names;
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind != EntryKind::file && entry.kind != EntryKind::symlink) continue;
        out.try_emplace(entry.checksum);
        objects.emplace(entry.checksum, &entry);
    }
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind != EntryKind::hardlink) continue;
        if (entry.target.empty() || !names.insert(entry.path).second) return std::nullopt;
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

// A layer of the previous image whose content this repository knows.
struct KnownLayer {
    KeptLayer kept;  // without files
    std::shared_ptr<const Layer> layer;
    std::uint64_t weight = 0;  // layer_weight() of all objects; 0: not known
};

std::uint64_t weight_of(const Repository& repository, const Sha256& object) {
    return layer_weight(read_object_header(repository, object).size);
}

// Selects layers, from the last one to the first.
class LayerSelection {
  public:
    LayerSelection(const Repository& repository, const CommitWalk& walk)
        : repository_(repository), directories_(directories_of(walk)) {
        for (const WalkedFile& file : walk.files) {
            files_.emplace(file.checksum, &file);
            for (const std::string& path : file.paths) {
                if (is_shown(path)) names_.insert(image_path(path));
            }
        }
    }

    // The layer's files of the commit that no later layer has; nullopt if the layer cannot be kept.
    std::optional<std::vector<const WalkedFile*>> take(const KnownLayer& known) {
        if (!has_directories_of(*known.layer, directories_)) return std::nullopt;
        const std::optional<ObjectNames> held = names_in(*known.layer);
        if (!held) return std::nullopt;
        std::vector<const WalkedFile*> out;
        std::vector<Sha256> stale;
        for (const auto& [checksum, names] : *held) {
            const auto file = files_.find(checksum);
            if (file != files_.end() && has_names(*file->second, names) && !are_hidden(names)) {
                out.push_back(file->second);
            } else if (are_names_of_the_commit(names)) {
                stale.push_back(checksum);
            } else {
                return std::nullopt;
            }
        }
        if (out.empty() || (!stale.empty() && !has_few(known, out, stale))) return std::nullopt;
        for (const WalkedFile* file : out) files_.erase(file->checksum);
        for (const auto& [checksum, names] : *held) hidden_.insert(names.begin(), names.end());
        std::sort(out.begin(), out.end());  // pointers into a vector, in the order of the walk
        return out;
    }

  private:
    // A later layer shows another file.
    bool are_hidden(const std::set<std::string>& names) const {
        return std::any_of(names.begin(), names.end(),
                           [this](const std::string& name) { return hidden_.contains(name); });
    }

    bool are_names_of_the_commit(const std::set<std::string>& names) const {
        return std::all_of(names.begin(), names.end(),
                           [this](const std::string& name) { return names_.contains(name); });
    }

    bool has_few(const KnownLayer& known, const std::vector<const WalkedFile*>& files,
                 const std::vector<Sha256>& stale) const {
        try {
            std::uint64_t live_weight = 0;
            for (const WalkedFile* file : files)
                live_weight = saturating_add(live_weight, weight_of(repository_, file->checksum));
            std::uint64_t stale_weight = 0;
            if (known.weight > 0) {
                stale_weight = known.weight - std::min(known.weight, live_weight);
            } else {
                for (const Sha256& object : stale)
                    stale_weight = saturating_add(stale_weight, weight_of(repository_, object));
            }
            return stale_weight <= saturating_add(stale_weight, live_weight) / kMaxStaleParts;
        } catch (const Error& error) {
            // The repository does not have the objects any more.
            log_debug(error.message());
            return false;
        }
    }

    const Repository& repository_;
    const Directories directories_;
    Files files_;                   // of the commit, except those of selected layers
    std::set<std::string> names_;   // of all files of the commit, in the image
    std::set<std::string> hidden_;  // names in selected layers
};

std::optional<KnownLayer> find_known(const Repository& repository, const oci::Image& previous,
                                     std::size_t index, const ContentsRecord& record,
                                     const std::optional<oci::LayerFormat>& format) {
    const oci::Descriptor& descriptor = previous.manifest.layers[index];
    const oci::Digest& diff_id = previous.config.diff_ids[index];
    KnownLayer out{.kept = {.index = index, .descriptor = descriptor, .diff_id = diff_id, .files = {}},
                   .layer = nullptr};
    if (const std::shared_ptr<const Layer> layer =
            load_layer(repository, descriptor.digest, diff_id, LayerKind::objects)) {
        out.layer = layer;
        out.kept.is_verified = knows_blob(repository, descriptor.digest, diff_id);
        out.kept.unpacked_size = layer->uncompressed_size;
        return out;
    }
    auto exported = format ? record.find(descriptor.digest, diff_id, *format) : std::nullopt;
    if (!exported || exported->descriptor.size != descriptor.size) return std::nullopt;
    const auto components = descriptor.annotations.find(kComponentsAnnotation);
    out.kept.descriptor = std::move(exported->descriptor);
    if (components != descriptor.annotations.end()) out.kept.descriptor.annotations.insert(*components);
    out.kept.is_verified = true;
    out.layer = std::move(exported->layer);
    out.weight = exported->weight;
    return out;
}

}  // namespace

std::vector<KeptLayer> find_kept_layers(const Repository& repository, const CommitWalk& walk,
                                        const oci::Image& previous,
                                        const std::optional<oci::LayerFormat>& format) {
    std::vector<KeptLayer> out;
    try {
        const ContentsRecord record(repository);
        LayerSelection selection(repository, walk);
        for (std::size_t i = encapsulated_layers(previous); i-- > 1;) {
            std::optional<KnownLayer> known = find_known(repository, previous, i, record, format);
            if (!known) continue;
            if (auto files = selection.take(*known)) {
                known->kept.files = std::move(*files);
                out.push_back(std::move(known->kept));
            }
        }
    } catch (const Error& error) {
        // An invalid image cannot help, but the commit itself is not affected.
        log_warning(concat("layers of the previous image are not kept: ", error.message()));
        out.clear();
    }
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace osb::ostree

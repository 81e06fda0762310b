#include "ostree/export/layer_plan.hh"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.hh"

namespace osb::ostree {
namespace {

struct Component {
    std::string name;
    std::uint64_t size = 0;
};

// One of so many layers stays free for what the next builds change.
constexpr std::size_t kReserve = 8;

// The layers that can be kept if other layers are needed as well.
std::size_t most_kept(std::size_t max_layers) {
    return max_layers - std::max<std::size_t>(1, max_layers / kReserve);
}

std::string component_of(const WalkedFile& file, const Owners& owners) {
    for (const std::string& path : file.paths) {
        if (const auto owner = owners.find(path); owner != owners.end()) return owner->second;
    }
    const std::string& path = file.paths.front();
    const bool is_initramfs = path.starts_with("usr/lib/modules/") && path.ends_with("/initramfs.img");
    return is_initramfs ? kInitramfs : kUnpackaged;
}

std::vector<std::string> split_components(const std::string& text) {
    std::vector<std::string> out;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        if (end > begin) out.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return out;
}

// Component -> index of its layer.
using Assignment = std::map<std::string, std::size_t>;

// Keeps the layers of the previous build and adds one for new components; nullopt if these are too many.
std::optional<Assignment> keep_assignment(const std::vector<Component>& components,
                                          const oci::Manifest& previous, std::size_t max_layers) {
    Assignment known;
    // A layer of what changed in many components is no component's own layer.
    std::map<std::string, std::size_t> companions;
    std::size_t layers = 0;
    for (const oci::Descriptor& layer : previous.layers) {
        const auto found = layer.annotations.find(kComponentsAnnotation);
        if (found == layer.annotations.end()) continue;
        const std::vector<std::string> names = split_components(found->second);
        for (const std::string& name : names) {
            const auto [other, is_new] = companions.emplace(name, names.size());
            if (!is_new && other->second <= names.size()) continue;
            other->second = names.size();
            known.insert_or_assign(name, layers);
        }
        ++layers;
    }
    Assignment out;
    for (const Component& component : components) {
        const auto found = known.find(component.name);
        out[component.name] = found == known.end() ? layers : found->second;
    }
    // Count the layers that would be written.
    std::set<std::size_t> used;
    bool knows_any = false;
    for (const auto& [name, layer] : out) {
        used.insert(layer);
        knows_any = knows_any || layer < layers;
    }
    if (!knows_any || used.size() > max_layers) return std::nullopt;
    return out;
}

Assignment assign_anew(std::vector<Component> components, std::size_t max_layers) {
    Assignment out;
    // Files without a package come first: they include apk's database, and change with every update.
    const auto is_package = [](const Component& component) {
        return component.name != kInitramfs && component.name != kUnpackaged;
    };
    std::sort(components.begin(), components.end(), [&](const Component& a, const Component& b) {
        return std::tuple(is_package(a), b.size, a.name) < std::tuple(is_package(b), a.size, b.name);
    });
    const bool fits = components.size() <= max_layers;
    const std::size_t alone = fits ? components.size() : max_layers / 2;
    const std::size_t shared = max_layers - alone;
    for (std::size_t i = 0; i < components.size(); ++i) {
        const Sha256 hash = sha256(as_bytes(components[i].name));
        out[components[i].name] = i < alone ? i : alone + (hash[0] * 256UL + hash[1]) % shared;
    }
    return out;
}

// Selects the kept layers so that there is room for the files in no kept layer.
std::vector<KeptLayer> choose_kept(std::vector<KeptLayer> kept, std::size_t files, std::size_t max_layers) {
    std::size_t held = 0;
    for (const KeptLayer& layer : kept) held += layer.files.size();
    if (kept.size() <= (held == files ? max_layers : most_kept(max_layers))) return kept;
    std::sort(kept.begin(), kept.end(), [](const KeptLayer& a, const KeptLayer& b) {
        return std::pair(b.descriptor.size, a.index) < std::pair(a.descriptor.size, b.index);
    });
    // Some of the layers must be dropped, and their files then need other layers.
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(most_kept(max_layers)), kept.end());
    std::sort(kept.begin(), kept.end(),
              [](const KeptLayer& a, const KeptLayer& b) { return a.index < b.index; });
    return kept;
}

std::vector<PlannedLayer> plan_kept(std::vector<KeptLayer> chosen, const Owners& owners) {
    std::vector<PlannedLayer> out;
    for (KeptLayer& layer : chosen) {
        PlannedLayer planned;
        planned.files = layer.files;
        const auto named = layer.descriptor.annotations.find(kComponentsAnnotation);
        if (named != layer.descriptor.annotations.end()) {
            planned.components = split_components(named->second);
        } else {
            std::set<std::string> names;
            for (const WalkedFile* file : layer.files) names.insert(component_of(*file, owners));
            planned.components.assign(names.begin(), names.end());
        }
        planned.kept = std::move(layer);
        out.push_back(std::move(planned));
    }
    return out;
}

using FilesByComponent = std::map<std::string, std::vector<const WalkedFile*>>;

// The files and components in layers of the previous image that could be kept.
class HeldFiles {
  public:
    HeldFiles(const CommitWalk& walk, const std::vector<KeptLayer>& kept, const Owners& owners) {
        for (const KeptLayer& layer : kept) files_.insert(layer.files.begin(), layer.files.end());
        for (const WalkedFile& file : walk.files) {
            Count& count = components_[component_of(file, owners)];
            ++count.files;
            if (files_.contains(&file)) ++count.held;
        }
    }
    // Most files of the component are held.
    bool has_component(const std::string& name) const {
        const Count& count = components_.at(name);
        return count.held * 2 > count.files;
    }
    bool has_file(const WalkedFile* file) const { return files_.contains(file); }

  private:
    struct Count {
        std::size_t files = 0;
        std::size_t held = 0;
    };
    std::set<const WalkedFile*> files_;
    std::map<std::string, Count> components_;
};

// Puts the files that are not in the previous image first: an update fetches them with one request.
void finish_tail(PlannedLayer& tail, const HeldFiles& held, const Owners& owners) {
    std::stable_partition(tail.files.begin(), tail.files.end(),
                          [&held](const WalkedFile* file) { return !held.has_file(file); });
    std::set<std::string> names;
    for (const WalkedFile* file : tail.files) names.insert(component_of(*file, owners));
    tail.components.assign(names.begin(), names.end());
}

// Adds layers, at most `room`, for these components.
void add_components(const FilesByComponent& files, const SizeOf& size_of,
                    const std::optional<oci::Manifest>& previous, std::size_t room,
                    std::vector<PlannedLayer>& out) {
    std::vector<Component> components;
    for (const auto& [name, members] : files) {
        Component component{.name = name};
        for (const WalkedFile* file : members) component.size += size_of(*file);
        components.push_back(std::move(component));
    }
    std::optional<Assignment> assignment;
    if (previous) assignment = keep_assignment(components, *previous, room);
    // The first image of a series leaves room for the layers of what changes.
    if (!assignment) assignment = assign_anew(components, previous ? room : room - room / kReserve);
    std::map<std::size_t, PlannedLayer> layers;
    for (const auto& [name, members] : files) {
        PlannedLayer& layer = layers[assignment->at(name)];
        layer.components.push_back(name);
        layer.files.insert(layer.files.end(), members.begin(), members.end());
    }
    for (auto& [number, layer] : layers) {
        // Pointers into a vector, in the order of the walk.
        std::sort(layer.files.begin(), layer.files.end());
        out.push_back(std::move(layer));
    }
}

}  // namespace

std::vector<PlannedLayer> plan_layers(const CommitWalk& walk, const Owners& owners, const SizeOf& size_of,
                                      std::size_t max_layers, const std::optional<oci::Manifest>& previous,
                                      const std::vector<KeptLayer>& kept) {
    if (max_layers < 2) throw Error(ErrorKind::usage, "an image needs at least two layers for its files");
    std::vector<PlannedLayer> out = plan_kept(choose_kept(kept, walk.files.size(), max_layers), owners);
    std::set<const WalkedFile*> placed;
    for (const PlannedLayer& layer : out) placed.insert(layer.files.begin(), layer.files.end());
    const HeldFiles held(walk, kept, owners);
    const bool is_last = max_layers - out.size() == 1;
    FilesByComponent files;
    PlannedLayer tail;
    for (const WalkedFile& file : walk.files) {
        if (placed.contains(&file)) continue;
        const std::string component = component_of(file, owners);
        const bool has_tail = previous && !kept.empty() && (is_last || held.has_component(component));
        (has_tail ? tail.files : files[component]).push_back(&file);
    }
    const std::size_t room = max_layers - out.size() - (tail.files.empty() ? 0 : 1);
    if (!files.empty()) add_components(files, size_of, previous, room, out);
    if (tail.files.empty()) return out;
    finish_tail(tail, held, owners);
    out.push_back(std::move(tail));
    return out;
}

}  // namespace osb::ostree

#include "ostree/layer_plan.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"

namespace osb::ostree {
namespace {

struct Component {
    std::string name;
    std::uint64_t size = 0;
};

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

// Component -> number of its layer.
using Assignment = std::map<std::string, std::size_t>;

// The layers of the build before, new components in one more; nothing when that would be too many.
std::optional<Assignment> keep_assignment(const std::vector<Component>& components,
                                          const oci::Manifest& previous, std::size_t max_layers) {
    Assignment known;
    std::size_t layers = 0;
    for (const oci::Descriptor& layer : previous.layers) {
        const auto found = layer.annotations.find(kComponentsAnnotation);
        if (found == layer.annotations.end()) continue;
        for (const std::string& name : split_components(found->second)) known.emplace(name, layers);
        ++layers;
    }
    Assignment out;
    bool has_new = false;
    for (const Component& component : components) {
        const auto found = known.find(component.name);
        has_new = has_new || found == known.end();
        out[component.name] = found == known.end() ? layers : found->second;
    }
    if (layers == 0 || layers + (has_new ? 1 : 0) > max_layers) return std::nullopt;
    return out;
}

Assignment assign_anew(std::vector<Component> components, std::size_t max_layers) {
    Assignment out;
    std::sort(components.begin(), components.end(), [](const Component& a, const Component& b) {
        return std::pair(b.size, a.name) < std::pair(a.size, b.name);
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

}  // namespace

std::vector<PlannedLayer> plan_layers(const CommitWalk& walk, const Owners& owners, const SizeOf& size_of,
                                      std::size_t max_layers, const std::optional<oci::Manifest>& previous) {
    if (max_layers < 2) throw Error(ErrorKind::usage, "an image needs at least two layers for its files");
    std::map<std::string, std::vector<const WalkedFile*>> files;
    for (const WalkedFile& file : walk.files) files[component_of(file, owners)].push_back(&file);
    std::vector<Component> components;
    for (const auto& [name, members] : files) {
        Component component{.name = name};
        for (const WalkedFile* file : members) component.size += size_of(*file);
        components.push_back(std::move(component));
    }
    std::optional<Assignment> assignment;
    if (previous) assignment = keep_assignment(components, *previous, max_layers);
    if (!assignment) assignment = assign_anew(components, max_layers);
    std::map<std::size_t, PlannedLayer> layers;
    for (const auto& [name, members] : files) {
        PlannedLayer& layer = layers[assignment->at(name)];
        layer.components.push_back(name);
        layer.files.insert(layer.files.end(), members.begin(), members.end());
    }
    std::vector<PlannedLayer> out;
    for (auto& [number, layer] : layers) {
        // The walk's order is that of its vector.
        std::sort(layer.files.begin(), layer.files.end());
        out.push_back(std::move(layer));
    }
    return out;
}

}  // namespace osb::ostree

#include "ostree/import/fetch_plan.hh"

#include <algorithm>
#include <set>

#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/file_fetch.hh"
#include "ostree/import/known_layers.hh"

namespace osb::ostree {

std::vector<std::size_t> unread_layers(const Repository& repository, const oci::Image& image,
                                       Evidence evidence) {
    const auto known = known_layers(repository, image, evidence);
    std::vector<std::size_t> out;
    std::set<oci::Digest> seen;
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (known[i] == nullptr && seen.insert(image.config.diff_ids[i]).second) out.push_back(i);
    }
    return out;
}

std::uint64_t size_of_layers(const oci::Image& image, const std::vector<std::size_t>& layers) {
    std::uint64_t out = 0;
    for (const std::size_t index : layers) out += image.manifest.layers[index].size;
    return out;
}

UnreadLayers divide_layers(const oci::Image& image, const std::vector<std::size_t>& layers) {
    const std::size_t base = encapsulated_layers(image);
    UnreadLayers out;
    for (const std::size_t index : layers) (index < base ? out.of_base : out.ordinary).push_back(index);
    return out;
}

namespace {

// The ways without a delta, for these layers.
std::vector<PlannedWay> plan_layers(const Repository& repository, const oci::Image& image,
                                    ImageTables& tables, const std::vector<std::size_t>& unread) {
    const PlannedWay whole{
        .way = "layers", .bytes = size_of_layers(image, unread), .requests = unread.size()};
    const UnreadLayers divided = divide_layers(image, unread);
    const ObjectFetch objects(repository, image, divided.of_base, tables, FetchWay::automatic, 0);
    const FileFetch files(repository, image, divided.ordinary, tables, FetchWay::automatic, 0);
    const auto has_objects = [&](std::size_t index) { return objects.covers(index); };
    const auto has_files = [&](std::size_t index) { return files.covers(index); };
    const bool any_objects = std::any_of(unread.begin(), unread.end(), has_objects);
    if (!any_objects && std::none_of(unread.begin(), unread.end(), has_files)) return {whole};
    PlannedWay parts{.way = any_objects ? "objects" : "files",
                     .bytes = objects.bytes() + files.bytes() + tables.bytes_read(),
                     .requests = objects.requests() + files.requests() + tables.requests()};
    for (const std::size_t index : unread) {
        if (has_objects(index) || has_files(index)) continue;
        parts.bytes += image.manifest.layers[index].size;
        ++parts.requests;
    }
    return parts.bytes < whole.bytes ? std::vector{parts, whole} : std::vector{whole, parts};
}

}  // namespace

std::vector<PlannedWay> plan_without_delta(const Repository& repository, const oci::Image& image,
                                           ImageTables& tables) {
    const std::vector<std::size_t> unread = unread_layers(repository, image);
    if (unread.empty()) return {{.way = "none"}};
    return plan_layers(repository, image, tables, unread);
}

std::vector<PlannedWay> plan_fetch(const Repository& repository, const oci::Image& image, ImageTables& tables,
                                   ImageDeltas& deltas) {
    const std::vector<std::size_t> unread = unread_layers(repository, image);
    if (unread.empty()) return {{.way = "none"}};
    std::vector<PlannedWay> out = plan_layers(repository, image, tables, unread);
    const DeltaArtifact* const delta = deltas.find(repository);
    if (delta == nullptr) return out;
    const PlannedWay by_delta{
        .way = "delta", .bytes = delta->facts.size, .requests = 1 + delta->parts.size()};
    const bool is_chosen = choose_delta(repository, image, deltas, FetchWay::automatic,
                                        size_of_layers(image, unread)) != nullptr;
    out.insert(is_chosen ? out.begin() : out.end(), by_delta);
    return out;
}

Transfer describe_transfer(const oci::Image& image, std::string_view way, std::uint64_t bytes_read,
                           std::uint64_t layer_bytes) {
    const oci::Traffic traffic = image.source->traffic();
    return {.way = way,
            .bytes = traffic.requests > 0 ? traffic.bytes : bytes_read,
            .requests = traffic.requests,
            .layer_bytes = layer_bytes};
}

}  // namespace osb::ostree

#include "cli/reports/image_report.hh"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "cli/reports/transfer_report.hh"

namespace osb::cli {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr const char* kCommitLabel = "ostree.commit";
constexpr const char* kFinalDiffIdLabel = "ostree.final-diffid";
constexpr const char* kBootcLabel = "containers.bootc";
constexpr const char* kBootableLabel = "ostree.bootable";

const std::string* find(const Texts& texts, const char* key) {
    const auto found = texts.find(key);
    return found == texts.end() ? nullptr : &found->second;
}

// The labels that ostree-ext's importer uses (only the diffID matters to it), or that name a commit.
bool is_encapsulated(const Texts& labels) {
    return find(labels, kFinalDiffIdLabel) != nullptr || find(labels, kCommitLabel) != nullptr;
}

// Aligns rows of cells in columns. The last column is not padded.
std::string columns(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line = indent;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line += std::string(widths[i] - row[i].size() + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

std::string text_section(const std::string& title, const Texts& texts) {
    if (texts.empty()) return "";
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : texts) rows.push_back({escape(key), escape(value)});
    return concat('\n', title, '\n', columns(rows, "  "));
}

std::string ostree_fact(const Texts& labels) {
    if (!is_encapsulated(labels)) return "an ordinary image";
    const std::string* commit = find(labels, kCommitLabel);
    return concat("encapsulates ", commit == nullptr ? "a commit" : "commit " + escape(*commit));
}

std::string layer_section(const oci::Image& image) {
    std::vector<std::vector<std::string>> rows{{"#", "size", "digest", "diffID", "media type"}};
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const oci::Descriptor& layer = image.manifest.layers[i];
        rows.push_back({concat(i), format_bytes(layer.size), layer.digest.short_string(),
                        image.config.diff_ids.at(i).short_string(), escape(layer.media_type)});
    }
    return "\nlayers\n" + columns(rows, "  ");
}

OrderedJson platform_to_json(const oci::Platform& platform) {
    OrderedJson out{{"os", platform.os}, {"architecture", platform.architecture}};
    if (!platform.variant.empty()) out["variant"] = platform.variant;
    return out;
}

OrderedJson descriptor_to_json(const oci::Descriptor& descriptor) {
    return {{"media_type", descriptor.media_type},
            {"digest", descriptor.digest.to_string()},
            {"size", descriptor.size}};
}

// Returns an object even if there are no texts.
OrderedJson texts_to_json(const Texts& texts) {
    OrderedJson out = OrderedJson::object();
    for (const auto& [key, value] : texts) out[key] = value;
    return out;
}

OrderedJson text_or_null(const std::string* text) {
    return text == nullptr ? OrderedJson(nullptr) : OrderedJson(*text);
}

OrderedJson layers_to_json(const oci::Image& image) {
    OrderedJson out = OrderedJson::array();
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        OrderedJson layer = descriptor_to_json(image.manifest.layers[i]);
        layer["diff_id"] = image.config.diff_ids.at(i).to_string();
        layer["annotations"] = texts_to_json(image.manifest.layers[i].annotations);
        out.push_back(std::move(layer));
    }
    return out;
}

}  // namespace

std::uint64_t total_size(const oci::Manifest& manifest) {
    std::uint64_t total = 0;
    for (const oci::Descriptor& layer : manifest.layers) {
        if (layer.size > std::numeric_limits<std::uint64_t>::max() - total) {
            throw Error(ErrorKind::invalid,
                        "manifest: the sizes of the layers add up to more than any disk holds");
        }
        total += layer.size;
    }
    return total;
}

std::string describe_image(const oci::Reference& reference, const oci::Image& image,
                           const std::optional<std::vector<ostree::PlannedWay>>& plan) {
    const oci::Manifest& manifest = image.manifest;
    const oci::ImageConfig& config = image.config;
    std::vector<std::vector<std::string>> facts{
        {"image", escape(reference.to_string())},
        {"transport", std::string(oci::to_string(reference.transport))},
        {"digest", manifest.digest.to_string()},
        {"media type", escape(manifest.media_type)},
        {"config", manifest.config.digest.to_string()},
        {"platform", escape(config.platform.to_string())},
        {"created", config.created ? format_time(*config.created) : "unknown"},
        {"size",
         concat(format_bytes(total_size(manifest)), " in ", format_count(manifest.layers.size(), "layer"))},
        {"ostree", ostree_fact(config.labels)},
    };
    if (const std::string* diff_id = find(config.labels, kFinalDiffIdLabel)) {
        facts.push_back({"", concat("its last layer is ", escape(*diff_id))});
    }
    if (find(config.labels, kBootcLabel) != nullptr) facts.push_back({"", "labelled for bootc"});
    if (plan) facts.push_back({"to fetch", describe_plan(*plan)});
    return columns(facts, "") + layer_section(image) + text_section("labels", config.labels) +
           text_section("annotations", manifest.annotations);
}

std::string describe_index(const oci::Reference& reference, const oci::Index& index) {
    std::vector<std::vector<std::string>> rows{{"platform", "size", "digest", "media type"}};
    for (const oci::Descriptor& entry : index.manifests) {
        rows.push_back({entry.platform ? escape(entry.platform->to_string()) : "-", format_bytes(entry.size),
                        entry.digest.short_string(), escape(entry.media_type)});
    }
    return columns({{"image", escape(reference.to_string())},
                    {"transport", std::string(oci::to_string(reference.transport))},
                    {"media type", escape(index.media_type)}},
                   "") +
           "\nan index; choose with --platform\n" + columns(rows, "  ") +
           text_section("annotations", index.annotations);
}

std::string image_document(const oci::Reference& reference, const oci::Image& image,
                           const std::optional<std::vector<ostree::PlannedWay>>& plan) {
    const oci::Manifest& manifest = image.manifest;
    const oci::ImageConfig& config = image.config;
    OrderedJson out{{"schema", 1},
                    {"kind", "image"},
                    {"image", reference.to_string()},
                    {"transport", oci::to_string(reference.transport)},
                    {"digest", manifest.digest.to_string()},
                    {"media_type", manifest.media_type},
                    {"config", descriptor_to_json(manifest.config)},
                    {"platform", platform_to_json(config.platform)}};
    out["created"] = config.created ? OrderedJson(format_rfc3339(*config.created)) : OrderedJson(nullptr);
    out["size"] = total_size(manifest);
    out["layers"] = layers_to_json(image);
    out["labels"] = texts_to_json(config.labels);
    out["annotations"] = texts_to_json(manifest.annotations);
    out["ostree"] = {{"encapsulated", is_encapsulated(config.labels)},
                     {"commit", text_or_null(find(config.labels, kCommitLabel))},
                     {"final_diff_id", text_or_null(find(config.labels, kFinalDiffIdLabel))},
                     {"bootable", text_or_null(find(config.labels, kBootableLabel))},
                     {"bootc", find(config.labels, kBootcLabel) != nullptr}};
    if (plan) out["plan"] = plan_to_json(*plan);
    return to_document(out);
}

std::string index_document(const oci::Reference& reference, const oci::Index& index) {
    OrderedJson entries = OrderedJson::array();
    for (const oci::Descriptor& entry : index.manifests) {
        OrderedJson json = descriptor_to_json(entry);
        json["platform"] = entry.platform ? platform_to_json(*entry.platform) : OrderedJson(nullptr);
        entries.push_back(std::move(json));
    }
    return to_document({{"schema", 1},
                        {"kind", "index"},
                        {"image", reference.to_string()},
                        {"transport", oci::to_string(reference.transport)},
                        {"media_type", index.media_type},
                        {"manifests", std::move(entries)},
                        {"annotations", texts_to_json(index.annotations)}});
}

}  // namespace osb::cli

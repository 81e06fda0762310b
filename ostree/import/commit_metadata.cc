#include "ostree/import/commit_metadata.hh"

#include <map>

#include "base/one_line.hh"
#include "ostree/import/encapsulated_image.hh"

namespace osb::ostree {
namespace {

// Increase it when the same image and options give another tree.
constexpr guint32 kImportFormat = 2;
constexpr const char* kKeyImportFormat = "osb.import.format";
constexpr const char* kKeyLayout = "osb.import.layout";
constexpr const char* kKeyBase = "osb.import.base";
constexpr const char* kKeyManifestDigest = "ostree.manifest-digest";

using Texts = std::map<std::string, std::string>;

std::string find(const Texts& texts, const std::string& key) {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string{} : found->second;
}

// The version becomes part of boot entries, where it must fit one line.
constexpr std::size_t kMaxVersion = 255;

}  // namespace

std::string image_version(const oci::Image& image) {
    const std::string key = "org.opencontainers.image.version";
    for (const std::string& version : {find(image.config.labels, key), find(image.manifest.annotations, key),
                                       find(image.config.labels, "version")}) {
        if (std::string line = one_line(version, kMaxVersion); !line.empty()) return line;
    }
    return {};
}

std::uint64_t image_time(const oci::Image& image) {
    const auto annotated =
        oci::parse_rfc3339(find(image.manifest.annotations, "org.opencontainers.image.created"));
    const std::int64_t seconds = annotated.value_or(image.config.created.value_or(0));
    return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds);
}

GVariantPtr commit_metadata(const oci::Image& image, const CommitFacts& facts) {
    Texts texts{{"ostree.container.image-config", image.config.raw},
                {"ostree.manifest", image.manifest.raw},
                {kKeyManifestDigest, image.manifest.digest.to_string()},
                {kKeyLayout, facts.layout}};
    if (const std::string version = image_version(image); !version.empty()) texts["version"] = version;
    if (!facts.kernel.empty()) texts["ostree.linux"] = facts.kernel;
    if (facts.base) texts[kKeyBase] = facts.base->text();
    std::map<std::string, GVariant*> values;
    for (const auto& [key, text] : texts) values[key] = g_variant_new_string(text.c_str());
    values[kKeyImportFormat] = g_variant_new_uint32(kImportFormat);
    if (!facts.collection.empty()) {
        values["ostree.collection-binding"] = g_variant_new_string(facts.collection.c_str());
        const char* const ref = facts.ref.c_str();
        values["ostree.ref-binding"] = g_variant_new_strv(&ref, 1);
    }
    if (!facts.kernel.empty()) values["ostree.bootable"] = g_variant_new_boolean(TRUE);
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (const auto& [key, value] : values) g_variant_builder_add(&builder, "{sv}", key.c_str(), value);
    return take(g_variant_builder_end(&builder));
}

bool is_import_of(GVariant* metadata, const oci::Image& image, const std::string& layout) {
    guint32 format = 0;
    return lookup_string(metadata, kKeyManifestDigest) == image.manifest.digest.to_string() &&
           lookup_string(metadata, kKeyLayout) == layout &&
           lookup_string(metadata, kKeyBase).empty() != is_encapsulated(image) &&
           g_variant_lookup(metadata, kKeyImportFormat, "u", &format) != FALSE && format == kImportFormat;
}

}  // namespace osb::ostree

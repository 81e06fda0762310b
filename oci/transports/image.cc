#include "oci/transports/image.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

constexpr int kMaxIndexLevels = 4;
constexpr std::size_t kMaxUnnamed = 16;  // entries whose configs are read for their platform

std::string_view meaningful(std::string_view media_type) {
    return is_generic_media_type(media_type) ? std::string_view() : media_type;
}

bool may_be_image(const Descriptor& entry) {
    const std::string type = media_type_essence(entry.media_type);
    return type == kMediaTypeIndex || type == kMediaTypeDockerManifestList || type == kMediaTypeManifest ||
           type == kMediaTypeDockerManifest;
}

// The index entries that can lead to an image. Attachments of builders (provenance, with the platform
// unknown/unknown) are excluded. Artifacts count only if there is nothing else, because an image may also
// have an artifact type. One image with two tags counts once.
std::vector<const Descriptor*> candidates(const Index& index) {
    std::vector<const Descriptor*> images;
    std::vector<const Descriptor*> artifacts;
    for (const Descriptor& entry : index.manifests) {
        if (!may_be_image(entry) || (entry.platform && entry.platform->os == "unknown")) continue;
        auto& list = entry.artifact_type.empty() || entry.platform ? images : artifacts;
        const auto same = [&entry](const Descriptor* other) {
            return other->digest == entry.digest && other->platform == entry.platform;
        };
        if (std::none_of(list.begin(), list.end(), same)) list.push_back(&entry);
    }
    return images.empty() ? artifacts : images;
}

std::string list_platforms(const std::vector<const Descriptor*>& entries) {
    std::string out;
    for (std::size_t i = 0; i < entries.size() && i < kMaxListed; ++i) {
        if (i > 0) out += ", ";
        out += entries[i]->platform ? escape(entries[i]->platform->to_string()) : "unnamed";
    }
    if (entries.size() > kMaxListed) out += ", ...";
    return out.empty() ? "nothing" : out;
}

const Descriptor* find_platform(const std::vector<const Descriptor*>& entries, const Platform& platform) {
    const auto first = [&entries](const Platform& wanted) -> const Descriptor* {
        const auto found = std::find_if(entries.begin(), entries.end(), [&wanted](const Descriptor* entry) {
            return entry->platform && *entry->platform == wanted;
        });
        return found == entries.end() ? nullptr : *found;
    };
    const Descriptor* exact = first(platform);
    return exact != nullptr
               ? exact
               : first({.os = platform.os, .architecture = platform.architecture, .variant = {}});
}

// The entry with the platform of its image's config; nullopt for something else than an image.
std::optional<Descriptor> with_config_platform(ImageSource& source, const Descriptor& entry) {
    try {
        const Manifest manifest = Manifest::parse(read_document(source, entry, "manifest"),
                                                  meaningful(entry.media_type), entry.digest.algorithm());
        Descriptor out = entry;
        out.platform = ImageConfig::parse(read_document(source, manifest.config, "config")).platform;
        return out;
    } catch (const Error& error) {
        const bool is_other = error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::unsupported ||
                              error.kind() == ErrorKind::not_found;
        if (!is_other) throw;
        return std::nullopt;
    }
}

// Looks for the platform in the configs of entries that name none: `platform` is optional in an index.
std::optional<Descriptor> find_in_configs(ImageSource& source, const std::vector<const Descriptor*>& entries,
                                          const Platform& wanted) {
    std::vector<Descriptor> found;
    std::size_t count = 0;
    for (const Descriptor* const entry : entries) {
        if (entry->platform || document_kind(entry->media_type) != DocumentKind::manifest) continue;
        if (++count > kMaxUnnamed) break;
        if (auto named = with_config_platform(source, *entry)) found.push_back(std::move(*named));
    }
    std::vector<const Descriptor*> named;
    named.reserve(found.size());
    for (const Descriptor& entry : found) named.push_back(&entry);
    const Descriptor* const out = find_platform(named, wanted);
    return out == nullptr ? std::nullopt : std::optional(*out);
}

Descriptor choose(ImageSource& source, const Index& index, const std::optional<Platform>& platform) {
    const std::vector<const Descriptor*> entries = candidates(index);
    if (entries.empty())
        throw Error(ErrorKind::unsupported, "not an image: the index does not list an image");
    const bool is_one = std::all_of(entries.begin(), entries.end(), [&entries](const Descriptor* entry) {
        return entry->digest == entries.front()->digest;
    });
    const auto unnamed = [](const Descriptor* entry) { return !entry->platform; };
    if (is_one && (!platform || std::any_of(entries.begin(), entries.end(), unnamed)))
        return *entries.front();

    const Platform wanted = platform ? *platform : Platform::host();
    const Descriptor* found = find_platform(entries, wanted);
    if (found != nullptr) return *found;
    // An index inside an index often has no platform. If there is a single one, it may have the image.
    if (std::count_if(entries.begin(), entries.end(), unnamed) == 1) {
        return **std::find_if(entries.begin(), entries.end(), unnamed);
    }
    if (auto in_config = find_in_configs(source, entries, wanted)) return std::move(*in_config);
    throw Error(ErrorKind::not_found,
                concat("no image for ", escape(wanted.to_string()), "; available: ", list_platforms(entries)))
        .hint("choose one with --platform OS/ARCH[/VARIANT]");
}

void check_size(std::string_view raw) {
    if (raw.size() > kMaxDocument) {
        throw Error(ErrorKind::too_large,
                    concat("manifest: ", raw.size(), " bytes; the limit is ", kMaxDocument));
    }
}

// Reads the root document and checks it against the digest in the name.
Document verified_root(ImageSource& source) {
    Document root = source.root();
    check_size(root.raw);
    if (!root.expected) return root;
    const Digest got = Digest::of(as_bytes(root.raw), root.expected->algorithm());
    if (got != *root.expected) {
        throw Error(ErrorKind::digest_mismatch,
                    concat("manifest: expected ", root.expected->to_string(), ", got ", got.to_string()));
    }
    return root;
}

DocumentKind kind_of(const Document& document) {
    const std::string_view type = meaningful(document.media_type);
    return type.empty() ? sniff_document_kind(document.raw) : document_kind(type);
}

Document read_entry(ImageSource& source, const Descriptor& entry) {
    return {.raw = read_document(source, entry, "manifest"),
            .media_type = entry.media_type,
            .expected = entry.digest};
}

// Selects the entry for the platform if the document is an index.
std::optional<Descriptor> chosen_entry(ImageSource& source, const Document& document,
                                       const std::optional<Platform>& platform, int level) {
    if (kind_of(document) == DocumentKind::manifest) return std::nullopt;
    if (level == kMaxIndexLevels) {
        throw Error(ErrorKind::invalid, concat("index: nested more than ", kMaxIndexLevels, " deep"));
    }
    return choose(source, Index::parse(document.raw, meaningful(document.media_type)), platform);
}

Manifest resolve_manifest(ImageSource& source, const std::optional<Platform>& platform) {
    Document document = verified_root(source);
    for (int level = 0;; ++level) {
        if (const auto entry = chosen_entry(source, document, platform, level)) {
            document = read_entry(source, *entry);
            continue;
        }
        const HashAlgorithm algorithm =
            document.expected ? document.expected->algorithm() : HashAlgorithm::sha256;
        return Manifest::parse(std::move(document.raw), meaningful(document.media_type), algorithm);
    }
}

void check_config(const Manifest& manifest, const ImageConfig& config,
                  const std::optional<Platform>& platform) {
    if (config.diff_ids.size() != manifest.layers.size()) {
        throw Error(ErrorKind::invalid,
                    concat("config: ", config.diff_ids.size(), " diff_ids, but the manifest has ",
                           manifest.layers.size(), " layers"));
    }
    if (!platform) return;
    const Platform& got = config.platform;
    // An empty member of the config (images that only carry files) fits every platform.
    const auto differ = [](const std::string& asked, const std::string& has) {
        return !asked.empty() && !has.empty() && asked != has;
    };
    if (differ(platform->os, got.os) || differ(platform->architecture, got.architecture) ||
        differ(platform->variant, got.variant)) {
        throw Error(ErrorKind::invalid, concat("config: the image is for ", escape(got.to_string()),
                                               ", not for ", escape(platform->to_string())))
            .hint("omit --platform to use the image as it is");
    }
}

}  // namespace

std::string read_document(ImageSource& source, const Descriptor& descriptor, std::string_view what) {
    const auto context = [&] { return concat(what, ' ', descriptor.digest.short_string()); };
    if (descriptor.size > kMaxDocument) {
        throw Error(ErrorKind::too_large,
                    concat(context(), ": ", descriptor.size, " bytes; the limit is ", kMaxDocument));
    }
    return with_context(context, [&] {
        VerifiedSource verified(source.open_blob(descriptor), descriptor.digest, descriptor.size);
        std::string raw = read_all(verified, kMaxDocument, "document");
        verified.finish();
        return raw;
    });
}

Digest manifest_digest(ImageSource& source, const std::optional<Platform>& platform) {
    Document document = verified_root(source);
    for (int level = 0;; ++level) {
        const auto entry = chosen_entry(source, document, platform, level);
        if (!entry) return document.expected ? *document.expected : Digest::of(as_bytes(document.raw));
        if (document_kind(entry->media_type) == DocumentKind::manifest) return entry->digest;
        document = read_entry(source, *entry);
    }
}

Image open_image(std::shared_ptr<ImageSource> source, const std::optional<Platform>& platform) {
    Manifest manifest = resolve_manifest(*source, platform);
    ImageConfig config = ImageConfig::parse(read_document(*source, manifest.config, "config"));
    check_config(manifest, config, platform);
    return {.source = std::move(source), .manifest = std::move(manifest), .config = std::move(config)};
}

}  // namespace osb::oci

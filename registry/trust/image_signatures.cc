#include "registry/trust/image_signatures.hh"

#include <utility>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/manifest_writer.hh"
#include "oci/documents/signature_tag.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "registry/distribution/distribution_source.hh"
#include "registry/trust/signature_layers.hh"

namespace osb::registry {
namespace {

oci::Reference signature_reference(const oci::Reference& image, const oci::Digest& manifest) {
    oci::Reference out = image;
    out.tag = oci::signature_tag(manifest);
    out.digest.clear();
    return out;
}

// The client of a registry or of a mirror; null for a layout.
using Client = std::shared_ptr<const DistributionClient>;

Client only_client(const oci::Reference& name, const RegistryOptions& options, Endpoints endpoints) {
    if (name.transport != oci::Transport::docker) return nullptr;
    return RegistryAccess(options).clients(name, endpoints).at(0);
}

std::shared_ptr<oci::ImageSource> open_signatures(const oci::Reference& name, const Client& client) {
    return client ? open_distribution_source(name, {client}) : oci::open_layout(name.location, name.tag);
}

std::shared_ptr<oci::ImageSink> signature_sink(const oci::Reference& name, const RegistryOptions& options) {
    if (name.transport == oci::Transport::docker) return RegistryAccess(options).open_sink(name);
    return oci::create_layout_sink(name.location, name.tag);
}

// The manifest of the signatures; nullopt if the image has none.
struct Stored {
    std::shared_ptr<oci::ImageSource> source;
    oci::Manifest manifest;
};

std::optional<Stored> find_stored(const oci::Reference& name, const Client& client) {
    try {
        const std::shared_ptr<oci::ImageSource> source = open_signatures(name, client);
        const oci::Document root = source->root();
        if (root.raw.size() > oci::kMaxDocument)
            throw Error(ErrorKind::too_large, "the list of signatures is too large");
        return Stored{.source = source,
                      .manifest = oci::Manifest::parse(root.raw, root.media_type, HashAlgorithm::sha256)};
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        throw;
    }
}

FoundSignatures read_tag(const oci::Reference& image, const oci::Digest& manifest, const Client& client) {
    const oci::Reference name = signature_reference(image, manifest);
    try {
        return with_context([&] { return concat("signatures of ", quoted(image.to_string())); },
                            [&]() -> FoundSignatures {
                                const std::optional<Stored> stored = find_stored(name, client);
                                if (!stored) return {};
                                return read_payload_layers(*stored->source, stored->manifest.layers,
                                                           kMaxSignatures);
                            });
    } catch (const Error& error) {
        if (!is_about_content(error.kind())) throw;
        return {.signatures = {}, .problem = concat("the tag ", name.tag, ": ", error.message())};
    }
}

}  // namespace

bool can_be_signed(const oci::Reference& image) {
    return image.transport == oci::Transport::docker || image.transport == oci::Transport::oci;
}

FoundSignatures read_tag_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                    const RegistryOptions& options, Endpoints endpoints) {
    if (!can_be_signed(image)) return {};
    return read_tag(image, manifest, only_client(signature_reference(image, manifest), options, endpoints));
}

SignatureReader::SignatureReader(const oci::Reference& image, const oci::Digest& manifest,
                                 const RegistryOptions& options)
    : image_(image), manifest_(manifest) {
    if (image.transport != oci::Transport::docker) {
        places_.push_back({.is_tag = true});
        places_.push_back({.is_tag = false});
        return;
    }
    const RegistryAccess access(options);
    for (const Endpoints endpoints : {Endpoints::mirrors, Endpoints::registry}) {
        const bool is_mirror = endpoints == Endpoints::mirrors;
        // A mirror may serve tags only, or digests only.
        for (const Client& client : access.clients(signature_reference(image, manifest), endpoints))
            places_.push_back({.client = client, .is_mirror = is_mirror, .is_tag = true});
        for (const Client& client : access.clients(image.with_digest(manifest), endpoints))
            places_.push_back({.client = client, .is_mirror = is_mirror, .is_tag = false});
    }
}

FoundSignatures SignatureReader::read(const Place& place) const {
    if (!can_be_signed(image_)) return {};
    if (place.is_tag) return read_tag(image_, manifest_, place.client);
    return with_context(
        [&] { return concat("signatures of ", quoted(image_.to_string())); },
        [&] { return read_referrer_signatures(image_, manifest_, kMaxSignatures, place.client); });
}

const FoundSignatures& SignatureReader::at(std::size_t index) {
    Place& place = places_.at(index);
    if (place.found) return *place.found;
    try {
        place.found = read(place);
    } catch (const Error& error) {
        if (!is_mirror(index)) throw;
        log_warning(error.message());
        place.found.emplace();
    }
    return *place.found;
}

void add_signature(const oci::Reference& image, const oci::Digest& manifest, const ImageSignature& signature,
                   const RegistryOptions& options) {
    const oci::Reference name = signature_reference(image, manifest);
    std::vector<oci::Descriptor> layers;
    // Those of a mirror may be older.
    const std::optional<Stored> stored =
        find_stored(name, only_client(name, options, Endpoints::destination));
    if (stored) layers = stored->manifest.layers;
    oci::Descriptor layer = oci::describe(kPayloadType, signature.payload);
    layer.annotations[kSignatureAnnotation] = encode_base64(signature.signature);
    if (layers.size() >= kMaxSignatures) {
        throw Error(ErrorKind::too_large,
                    concat("image ", quoted(image.to_string()), " has ", layers.size(),
                           " signatures already, and readers stop at ", kMaxSignatures));
    }
    layers.push_back(layer);
    oci::ConfigFields fields{.platform = oci::Platform::host()};
    for (const oci::Descriptor& one : layers) fields.diff_ids.push_back(one.digest);
    const std::string config_text = oci::write_config(fields);
    const oci::Descriptor config = oci::describe(oci::kMediaTypeConfig, config_text);
    const std::shared_ptr<oci::ImageSink> sink = signature_sink(name, options);
    oci::put_blob(*sink, layer, as_bytes(signature.payload));
    oci::put_blob(*sink, config, as_bytes(config_text));
    sink->put_manifest(oci::write_manifest(config, layers, {}), oci::kMediaTypeManifest);
}

}  // namespace osb::registry

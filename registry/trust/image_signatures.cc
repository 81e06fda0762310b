#include "registry/trust/image_signatures.hh"

#include <utility>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/manifest_writer.hh"
#include "oci/documents/signature_tag.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "registry/trust/signature_layers.hh"

namespace osb::registry {
namespace {

oci::Reference signature_reference(const oci::Reference& image, const oci::Digest& manifest) {
    oci::Reference out = image;
    out.tag = oci::signature_tag(manifest);
    out.digest.clear();
    return out;
}

std::shared_ptr<oci::ImageSource> open_signatures(const oci::Reference& name,
                                                  const RegistryOptions& options) {
    if (name.transport == oci::Transport::docker) return RegistryAccess(options).open_source(name);
    return oci::open_layout(name.location, name.tag);
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

std::optional<Stored> find_stored(const oci::Reference& name, const RegistryOptions& options) {
    try {
        const std::shared_ptr<oci::ImageSource> source = open_signatures(name, options);
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

}  // namespace

bool can_be_signed(const oci::Reference& image) {
    return image.transport == oci::Transport::docker || image.transport == oci::Transport::oci;
}

FoundSignatures read_tag_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                    const RegistryOptions& options) {
    if (!can_be_signed(image)) return {};
    const oci::Reference name = signature_reference(image, manifest);
    try {
        return with_context([&] { return concat("signatures of ", quoted(image.to_string())); },
                            [&]() -> FoundSignatures {
                                const std::optional<Stored> stored = find_stored(name, options);
                                if (!stored) return {};
                                return read_payload_layers(*stored->source, stored->manifest.layers,
                                                           kMaxSignatures);
                            });
    } catch (const Error& error) {
        if (!is_about_content(error.kind())) throw;
        return {.signatures = {}, .problem = concat("the tag ", name.tag, ": ", error.message())};
    }
}

const FoundSignatures& SignatureReader::by_tag() {
    if (!tag_) tag_ = read_tag_signatures(image_, manifest_, options_);
    return *tag_;
}

const FoundSignatures& SignatureReader::by_referrers() {
    if (!referrers_) {
        const std::size_t left = kMaxSignatures - by_tag().signatures.size();
        referrers_ =
            with_context([&] { return concat("signatures of ", quoted(image_.to_string())); },
                         [&] { return read_referrer_signatures(image_, manifest_, left, options_); });
    }
    return *referrers_;
}

void add_signature(const oci::Reference& image, const oci::Digest& manifest, const ImageSignature& signature,
                   const RegistryOptions& options) {
    const oci::Reference name = signature_reference(image, manifest);
    std::vector<oci::Descriptor> layers;
    if (const std::optional<Stored> stored = find_stored(name, options)) layers = stored->manifest.layers;
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

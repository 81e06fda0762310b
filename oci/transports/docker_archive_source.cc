#include "oci/transports/docker_archive_source.hh"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/document_json.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/archive_index.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kManifestName = "manifest.json";
constexpr std::size_t kMaxImages = 4096;

// An element of manifest.json.
struct SavedImage {
    std::string config;
    std::vector<std::string> tags;
    std::vector<std::string> layers;
};

std::vector<SavedImage> parse_saved_images(std::string_view raw) {
    const Json document = parse_json(raw, kManifestName);
    if (!document.is_array()) throw Error(ErrorKind::invalid, concat(kManifestName, ": not a JSON array"));
    if (document.size() > kMaxImages) {
        throw Error(ErrorKind::too_large, concat(kManifestName, ": more than ", kMaxImages, " images"));
    }
    std::vector<SavedImage> out;
    for (const Json& element : document) {
        require_object(element, concat(kManifestName, ": an element"));
        out.push_back({.config = required_string(element, "Config", kManifestName),
                       .tags = optional_strings(element, "RepoTags", kMaxImages, kManifestName),
                       .layers = optional_strings(element, "Layers", kMaxImages, kManifestName)});
    }
    return out;
}

// True if both names denote the same image: "alpine" and "docker.io/library/alpine:latest". A name that
// violates the grammar only equals itself.
bool is_same_name(const std::string& a, const std::string& b) {
    if (a == b) return true;
    try {
        return full_image_name(a) == full_image_name(b);
    } catch (const Error&) {
        return false;
    }
}

std::string list_tags(const std::vector<SavedImage>& images) {
    std::string out;
    std::size_t count = 0;
    for (const SavedImage& image : images) {
        for (const std::string& tag : image.tags) {
            if (count > 0) out += ", ";
            if (++count > kMaxListed) return out + "...";
            out += quoted(tag);
        }
    }
    return out.empty() ? "none with a tag" : out;
}

const SavedImage& choose(const std::vector<SavedImage>& images, const std::string& tag) {
    if (images.empty()) throw Error(ErrorKind::not_found, "the archive does not contain an image");
    if (tag.empty()) {
        // The archive may list the same image once per tag.
        const auto is_first = [&images](const SavedImage& image) {
            return image.config == images.front().config && image.layers == images.front().layers;
        };
        if (std::all_of(images.begin(), images.end(), is_first)) return images.front();
        throw Error(ErrorKind::not_found,
                    concat("the archive holds ", images.size(), " images: ", list_tags(images)))
            .hint("name one of them by its tag, or by its position: :@0, :@1, ...");
    }
    if (const auto position = source_index(tag)) {
        if (*position < images.size()) return images[*position];
        throw Error(ErrorKind::not_found,
                    concat("no image at the position ", quoted(tag), ": the archive holds ", images.size()));
    }
    for (const SavedImage& image : images) {
        const bool named = std::any_of(image.tags.begin(), image.tags.end(),
                                       [&tag](const std::string& name) { return is_same_name(name, tag); });
        if (named) return image;
    }
    throw Error(ErrorKind::not_found,
                concat("no image with the tag ", quoted(tag), "; available: ", list_tags(images)));
}

// True for gzip, zstd, xz and bzip2.
bool is_compressed(Source& member) {
    std::array<std::uint8_t, 512> head{};
    const ByteView bytes = ByteView(head).first(read_full(member, head));
    return find_untyped_compression(bytes) != UntypedCompression::none ||
           find_compression(bytes, Compression::none) != Compression::none;
}

// The decompressed content of a compressed member.
class DecompressedMember final : public Source {
  public:
    explicit DecompressedMember(std::unique_ptr<Source> member)
        : member_(std::move(member)), plain_(decompress_layer(*member_, Compression::none)) {}

    std::size_t read(MutableBytes buffer) override { return plain_->read(buffer); }

  private:
    std::unique_ptr<Source> member_;
    std::unique_ptr<Source> plain_;
};

class DockerArchiveSource final : public ImageSource {
  public:
    DockerArchiveSource(ArchiveIndex archive, const std::string& name, const std::string& tag)
        : archive_(std::move(archive)) {
        with_context([&name] { return quoted(name); }, [this, &tag] { load(tag); });
    }

    Document root() override {
        return {
            .raw = manifest_, .media_type = std::string(kMediaTypeDockerManifest), .expected = std::nullopt};
    }

    std::unique_ptr<Source> open_blob(const Descriptor& descriptor) override {
        const auto found = members_.find(descriptor.digest);
        if (found == members_.end()) {
            throw Error(ErrorKind::not_found,
                        concat("no blob ", descriptor.digest.to_string(), " in the archive"));
        }
        const Member& member = found->second;
        std::unique_ptr<Source> bytes = archive_.open(member.path);
        if (!member.is_compressed) return bytes;
        return std::make_unique<DecompressedMember>(std::move(bytes));
    }

    LayerBlob open_layer(const Manifest& manifest, const ImageConfig& /*config*/,
                         std::size_t index) override {
        const Descriptor& layer = manifest.layers.at(index);
        LayerBlob out{.bytes = open_blob(layer), .digest = layer.digest, .size = layer.size};
        // The archive has only the length of the compressed bytes.
        const Member& member = members_.at(layer.digest);
        if (member.is_compressed) {
            out.size.reset();
            out.packed_size = archive_.size(member.path);
        }
        return out;
    }

  private:
    struct Member {
        std::string path;
        bool is_compressed = false;
    };

    void load(const std::string& tag) {
        if (!archive_.contains(std::string(kManifestName))) refuse_archive();
        const SavedImage image = choose(parse_saved_images(read_member(std::string(kManifestName))), tag);
        const std::string raw_config = read_member(image.config);
        const ImageConfig config = ImageConfig::parse(raw_config);
        if (config.diff_ids.size() != image.layers.size()) {
            throw Error(ErrorKind::invalid, concat("config: ", config.diff_ids.size(), " diff_ids, but ",
                                                   kManifestName, " has ", image.layers.size(), " layers"));
        }
        Json manifest{
            {"schemaVersion", 2}, {"mediaType", kMediaTypeDockerManifest}, {"layers", Json::array()}};
        const Digest config_digest = Digest::of(as_bytes(raw_config));
        manifest["config"] = descriptor(kMediaTypeDockerConfig, config_digest, raw_config.size());
        for (std::size_t i = 0; i < image.layers.size(); ++i) {
            const Digest& diff_id = config.diff_ids[i];
            members_.emplace(diff_id,
                             Member{.path = image.layers[i],
                                    .is_compressed = is_compressed(*archive_.open(image.layers[i]))});
            manifest["layers"].push_back(
                descriptor(kMediaTypeDockerLayer, diff_id, archive_.size(image.layers[i])));
        }
        members_.insert_or_assign(config_digest, Member{.path = image.config});
        manifest_ = manifest.dump();
    }

    [[noreturn]] void refuse_archive() const {
        Error error(ErrorKind::invalid,
                    concat("not an archive of docker save: no member '", kManifestName, '\''));
        if (archive_.contains("oci-layout"))
            error.hint("it holds an image layout: read it with oci-archive:");
        if (archive_.contains("repositories"))
            error.hint("docker before 1.10 wrote it: save the image again");
        throw Error(std::move(error));
    }

    static Json descriptor(std::string_view media_type, const Digest& digest, std::uint64_t size) {
        return {{"mediaType", media_type}, {"digest", digest.to_string()}, {"size", size}};
    }

    std::string read_member(const std::string& path) const {
        return read_all(*archive_.open(path), kMaxDocument, quoted(path));
    }

    ArchiveIndex archive_;
    std::map<Digest, Member> members_;
    std::string manifest_;
};

}  // namespace

std::shared_ptr<ImageSource> open_docker_archive(const std::string& file, const std::string& tag) {
    return std::make_shared<DockerArchiveSource>(ArchiveIndex(file), file, tag);
}

std::shared_ptr<ImageSource> read_docker_archive(Source& stream, const std::string& name) {
    return std::make_shared<DockerArchiveSource>(ArchiveIndex(stream, name), name, "");
}

}  // namespace osb::oci

#include "ostree/import/held_commit.hh"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "oci/codec/decompress.hh"
#include "oci/tar/tar_reader.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {
namespace {

// Before the commit, there are some 280 entries without content. The commit and its metadata have 10 MiB each
// at most.
constexpr std::size_t kMaxEntries = 4096;
constexpr std::uint64_t kMaxBytes = 64UL * 1024 * 1024;

// Limits the start of a stream.
class StartSource final : public Source {
  public:
    explicit StartSource(Source& inner) : inner_(inner) {}

    std::size_t read(MutableBytes buffer) override {
        if (count_ >= kMaxBytes)
            throw Error(ErrorKind::too_large,
                        concat("no commit in the first ", kMaxBytes, " bytes of the layer"));
        const std::size_t n = inner_.read(buffer);
        count_ += n;
        return n;
    }

  private:
    Source& inner_;
    std::uint64_t count_ = 0;
};

std::string read_object(oci::TarReader& tar, const oci::TarEntry& entry) {
    if (entry.type != oci::TarType::file)
        throw Error(ErrorKind::invalid, "an object that is not a regular file");
    if (entry.size > kMaxMetadataSize) {
        throw Error(ErrorKind::too_large,
                    concat("an object of ", entry.size, " bytes; the limit is ", kMaxMetadataSize));
    }
    std::string out(static_cast<std::size_t>(entry.size), '\0');
    for (std::size_t done = 0; done < out.size();) {
        done += tar.read({reinterpret_cast<std::uint8_t*>(out.data()) + done,  // NOLINT: char aliases
                          out.size() - done});
    }
    return out;
}

// Returns true when the commit and its metadata are complete.
bool take(oci::TarReader& tar, const oci::TarEntry& entry, Encapsulated& out) {
    const std::string path = normalize_path(entry.path);
    if (!path.starts_with(kImageObjects) || entry.type == oci::TarType::directory) return false;
    const ImageObjectName name = parse_object_path(path);
    if (!out.commit) {
        if (name.suffix != "commit") throw Error(ErrorKind::invalid, "the first object is not a commit");
        out.commit_object = read_object(tar, entry);
        out.commit = check_commit_object(name, out.commit_object);
        return false;
    }
    if (name.suffix == "commitmeta") {
        if (out.commit != name.checksum) throw Error(ErrorKind::invalid, "metadata of another commit");
        out.detached = read_object(tar, entry);
    }
    return true;
}

struct HeldCommit {
    Encapsulated found;
    // False if the archive ended before it was clear whether detached metadata follow the commit.
    bool is_complete = false;
};

HeldCommit find_held_commit(Source& archive) {
    StartSource start(archive);
    oci::TarReader tar(start);
    oci::TarEntry entry;
    HeldCommit out;
    for (std::size_t count = 0; !out.is_complete && tar.next(entry); ++count) {
        check_interrupt();
        if (count == kMaxEntries)
            throw Error(ErrorKind::too_large,
                        concat("no commit in the first ", kMaxEntries, " entries of the layer"));
        out.is_complete = with_context([&entry] { return concat("entry ", quoted(entry.path)); },
                                       [&] { return take(tar, entry, out.found); });
    }
    if (!out.found.commit) throw Error(ErrorKind::invalid, "the first layer has no commit object");
    return out;
}

}  // namespace

Encapsulated read_held_commit(Source& archive) {
    return find_held_commit(archive).found;
}

Encapsulated read_held_commit(const oci::Image& image) {
    return with_context([&] { return describe_layer(image, 0); },
                        [&] {
                            const oci::LayerBlob blob =
                                image.source->open_layer(image.manifest, image.config, 0);
                            return read_held_commit(*oci::decompress_layer(*blob.bytes, blob.compression));
                        });
}

Encapsulated fetch_held_commit(const oci::Image& image) {
    // A commit with its tar header has about 1 KiB; large metadata or several signatures may need more.
    constexpr std::array<std::uint64_t, 2> kStarts{4UL * 1024, 32UL * 1024};
    const oci::Descriptor& layer = image.manifest.layers.front();
    const oci::Compression compression = oci::layer_compression(layer.media_type);
    for (const std::uint64_t size : kStarts) {
        try {
            const std::string start = oci::read_range(*image.source, layer, 0, std::min(size, layer.size));
            MemorySource source(as_bytes(start));
            HeldCommit held = find_held_commit(*oci::decompress_layer(source, compression));
            // The range may end between two frames, where the layer seems to end.
            if (held.is_complete || size >= layer.size) return std::move(held.found);
        } catch (const Error& error) {
            log_debug(concat("the commit is not in the first ", size, " bytes: ", error.message()));
        }
        if (size >= layer.size) break;
    }
    return read_held_commit(image);
}

Encapsulated verify_held_commit(const oci::Image& image, const RemoteTrust& trust) {
    const auto refuse = [&](std::string_view problem) {
        return Error(ErrorKind::untrusted, concat("the image ", problem, ", so the keys of the remote ",
                                                  quoted(trust.remote()), " cannot verify it"))
            .hint("sign the image with 'osb-oci sign', and follow it as ostree-image-signed:docker://NAME");
    };
    if (!is_encapsulated(image)) throw refuse("does not contain an ostree commit");
    if (encapsulated_layers(image) != image.manifest.layers.size())
        throw refuse("has further layers on top of its ostree commit");
    Encapsulated out = read_held_commit(image);
    trust.verify(*out.commit, out.commit_object, out.detached);
    return out;
}

}  // namespace osb::ostree

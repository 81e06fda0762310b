// Archives of images. Input that is an archive is read as it is, as docker-archive: and as oci-archive:. Of
// other input an archive of `docker save` is made; its members are separated by the byte 1E: manifest.json,
// config.json, layer.tar, and the target of the link layer/link.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/tar/tar_reader.hh"
#include "oci/transports/archive_index.hh"
#include "oci/transports/docker_archive_source.hh"
#include "oci/transports/image.hh"
#include "oci/transports/oci_archive_source.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/fuzz/tar_mutator.hh"
#include "tests/support/tar_builder.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

constexpr std::size_t kMaxContent = 1UL << 20U;
constexpr std::size_t kMagicOffset = 257;
constexpr std::string_view kMagic = "ustar";

bool is_archive(std::string_view text) {
    return text.size() > kMagicOffset && text.substr(kMagicOffset).starts_with(kMagic);
}

std::string saved_image(std::string_view text) {
    const std::vector<std::string> parts = fuzz::split_parts(text, 4);
    const auto part = [&parts](std::size_t index) {
        return index < parts.size() ? parts[index] : std::string();
    };
    test::TarBuilder tar;
    tar.file("manifest.json", part(0)).file("config.json", part(1)).file("layer.tar", part(2));
    tar.directory("layer");
    if (!part(3).empty()) tar.symlink("layer/link", part(3).substr(0, 100));
    return tar.finish();
}

// A manifest that was made up holds what the archive holds.
void read_image(const std::shared_ptr<oci::ImageSource>& source) {
    const oci::Image image = oci::open_image(source, std::nullopt);
    require(image.manifest.layers.size() == image.config.diff_ids.size());
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const oci::LayerBlob layer = source->open_layer(image.manifest, image.config, i);
        const std::string bytes = read_all(*layer.bytes, kMaxContent, "layer");
        require(!layer.size || *layer.size == bytes.size());
    }
}

std::string content_of(oci::TarReader& reader) {
    std::string out;
    std::array<std::uint8_t, 4096> piece{};
    while (const std::size_t n = reader.read(piece)) {
        out += as_text(ByteView(piece).first(n));
        if (out.size() > kMaxContent) throw Error(ErrorKind::too_large, "member");
    }
    return out;
}

// Each member is found by its name, and has the content that a reader in one pass sees.
void check_index(const std::string& path, std::string_view text) {
    const oci::ArchiveIndex index(path);
    MemorySource source(as_bytes(text));
    oci::TarReader reader(source);
    oci::TarEntry entry;
    while (reader.next(entry)) {
        if (entry.type != oci::TarType::file) continue;
        const std::string content = content_of(reader);
        if (reader.is_sparse()) {
            require(!accepts([&] { index.open(entry.path); }));
            continue;
        }
        require(index.contains(entry.path) && index.size(entry.path) == entry.size);
        require(read_all(*index.open(entry.path), kMaxContent, "member") == content);
    }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    if (is_archive(as_text({data, size}))) return fuzz::mutate_tar(data, size, max_size, seed, 0);
    return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = as_text({data, size});
    const std::string text = is_archive(input) ? std::string(input) : saved_image(input);
    const fuzz::MemoryFile file(text);
    for (const std::string tag : {"", "a:1"})
        accepts([&] { read_image(oci::open_docker_archive(file.path(), tag)); });
    if (!is_archive(input)) return 0;
    accepts([&] { read_image(oci::open_oci_archive(file.path(), "")); });
    accepts([&] { check_index(file.path(), text); });
    return 0;
}

// Image layouts: index.json, then blobs, separated by the byte 1E. "@0" in any of them stands for the digest
// of the first blob, "@1" for that of the next, so that a changed document is still found; "#0" for its size.
// The same documents are also read as a directory of the transport dir:, with index.json as its
// manifest.json.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/transports/directory_image.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_source.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

constexpr std::size_t kMaxContent = 1UL << 20U;
constexpr std::size_t kMaxBlobs = 8;

// Files in memory, by their paths.
class MemoryLayout final : public oci::LayoutFiles {
  public:
    explicit MemoryLayout(std::map<std::string, std::string> files) : files_(std::move(files)) {}

    File open(const std::string& path) const override {
        const auto found = files_.find(path);
        if (found == files_.end()) throw Error(ErrorKind::not_found, "no such file");
        return {std::make_unique<MemorySource>(as_bytes(found->second)), found->second.size()};
    }

  private:
    std::map<std::string, std::string> files_;
};

// Later blobs are referred to by earlier ones, and not the other way.
std::map<std::string, std::string> make_files(std::string_view input) {
    std::vector<std::string> parts = fuzz::split_parts(input, kMaxBlobs + 1);
    std::map<char, std::string> digests;
    std::map<char, std::string> sizes;
    std::map<std::string, std::string> files{{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"}};
    for (std::size_t i = parts.size(); i-- > 0;) {
        std::string text;
        for (std::size_t at = 0; at < parts[i].size(); ++at) {
            const char c = parts[i][at];
            const char name = at + 1 < parts[i].size() ? parts[i][at + 1] : '\0';
            const auto& values = c == '@' ? digests : sizes;
            if ((c != '@' && c != '#') || !values.contains(name)) {
                text += c;
                continue;
            }
            text += values.at(name);
            ++at;
        }
        if (i == 0) {
            files["index.json"] = text;
            break;
        }
        const oci::Digest digest = oci::Digest::of(as_bytes(text));
        const char name = static_cast<char>('0' + i - 1);
        digests[name] = digest.to_string();
        sizes[name] = std::to_string(text.size());
        files["blobs/sha256/" + digest.hex()] = text;
    }
    return files;
}

// The documents of a layout in a directory of dir:. A blob may be a manifest, too.
std::map<std::string, std::string> as_directory(const std::map<std::string, std::string>& layout) {
    std::map<std::string, std::string> out{{"version", "Directory Transport Version: 1.1\n"}};
    for (const auto& [path, text] : layout) {
        const std::string name = path.substr(path.rfind('/') + 1);
        if (name == "oci-layout") continue;
        out[name == "index.json" ? "manifest.json" : name] = text;
        if (name != "index.json") out[name + ".manifest.json"] = text;
    }
    return out;
}

void read_source(const std::shared_ptr<oci::ImageSource>& source,
                 const std::optional<oci::Platform>& platform) {
    const oci::Digest digest = oci::manifest_digest(*source, platform);
    const oci::Image image = oci::open_image(source, platform);
    require(digest == image.manifest.digest);
    require(image.manifest.layers.size() == image.config.diff_ids.size());
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        accepts([&] {
            const oci::LayerBlob layer = source->open_layer(image.manifest, image.config, i);
            const std::string bytes = read_all(*layer.bytes, kMaxContent, "layer");
            require(!layer.size || *layer.size == bytes.size());
        });
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::map<std::string, std::string> files = make_files(as_text({data, size}));
    const auto layout = [&files](const std::string& tag) {
        return oci::open_layout_files(std::make_unique<MemoryLayout>(files), "layout", tag);
    };
    accepts([&] { read_source(layout(""), std::nullopt); });
    accepts([&] { read_source(layout("1.0"), oci::Platform::parse("linux/amd64")); });
    accepts([&] {
        read_source(
            oci::open_directory_files(std::make_unique<MemoryLayout>(as_directory(files)), "directory"),
            std::nullopt);
    });
    return 0;
}

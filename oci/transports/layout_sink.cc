#include "oci/transports/layout_sink.hh"

#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/state_file.hh"
#include "oci/documents/document_json.hh"
#include "oci/transports/blob_files.hh"
#include "oci/transports/layout_source.hh"

namespace osb::oci {
namespace {

// The directories of the layout. They stay open while a writer uses them.
struct Directories {
    Fd root;
    Fd blobs;

    Fd of(const Digest& digest) const {
        const std::string name(digest.algorithm_name());
        make_directory(blobs.get(), name);
        return open_directory(blobs.get(), name);
    }
};

class LayoutSink final : public ImageSink {
  public:
    LayoutSink(std::string directory, std::string tag)
        : name_(std::move(directory)), tag_(std::move(tag)), directories_(std::make_shared<Directories>()) {
        with_context([this] { return quoted(name_); }, [this] { prepare(); });
    }

    bool has_blob(const Descriptor& descriptor) override {
        const Digest& digest = descriptor.digest;
        return holds_blob(directories_->blobs.get(), concat(digest.algorithm_name(), '/', digest.hex()),
                          descriptor);
    }

    std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> /*size*/) override {
        const int root = directories_->root.get();
        return start_blob_file(root, [kept = directories_](const Digest& digest) {
            return BlobPlace{.directory = kept->of(digest), .name = digest.hex()};
        });
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        with_context([this] { return quoted(name_); }, [&] { put(raw, media_type); });
    }

  private:
    void prepare() {
        make_directory(AT_FDCWD, name_);
        directories_->root = open_at(AT_FDCWD, name_, O_RDONLY | O_DIRECTORY);
        const int root = directories_->root.get();
        const Fd guard = take_lock();
        remove_leftovers(root);
        if (has_entry(root, "oci-layout")) {
            check_marker();
        } else if (list_entries(root).empty()) {
            replace("oci-layout", kLayoutMarker);
        } else {
            throw Error(ErrorKind::invalid, "is neither empty nor an image layout");
        }
        make_directory(root, "blobs");
        directories_->blobs = open_directory(root, "blobs");
        make_directory(directories_->blobs.get(), "sha256");
        // A valid layout requires an index.
        if (!has_entry(root, "index.json")) replace("index.json", kEmptyIndex);
    }

    // Protects the read, change and replacement of the index. It locks the directory, because the index file
    // is replaced, and a separate lock file would disturb other programs.
    Fd take_lock() const {
        Fd directory = open_at(directories_->root.get(), ".", O_RDONLY | O_DIRECTORY);
        lock_file(directory.get(), name_);
        return directory;
    }

    void check_marker() const {
        const std::string text = read_regular_file(directories_->root.get(), "oci-layout", kMaxMarker);
        const Json marker = parse_document(text, "oci-layout");
        const std::string& version = required_string(marker, "imageLayoutVersion", "oci-layout");
        if (!version.starts_with("1.")) {
            throw Error(ErrorKind::unsupported,
                        concat("oci-layout: version ", quoted(version), ", expected '1.0.0'"));
        }
    }

    void replace(const std::string& name, std::string_view content) {
        replace_synced(directories_->root.get(), name, content);
    }

    void put(const std::string& raw, std::string_view media_type) {
        const auto upload = start_blob(raw.size());
        upload->write(as_bytes(raw));
        upload->finish(Digest::of(as_bytes(raw)));
        const Fd guard = take_lock();
        const std::string index = read_regular_file(directories_->root.get(), "index.json", kMaxDocument);
        replace("index.json", index_with_image(index, raw, media_type, tag_));
    }

    static constexpr const char* kEmptyIndex =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";

    std::string name_;
    std::string tag_;
    std::shared_ptr<Directories> directories_;
};

}  // namespace

std::unique_ptr<ImageSink> create_layout_sink(const std::string& directory, const std::string& tag) {
    return std::make_unique<LayoutSink>(directory, tag);
}

}  // namespace osb::oci

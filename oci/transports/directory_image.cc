#include "oci/transports/directory_image.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/state_file.hh"
#include "oci/transports/blob_files.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kVersionFile = "version";
constexpr std::string_view kVersionText = "Directory Transport Version: 1.1\n";
constexpr std::string_view kRootFile = "manifest.json";
constexpr std::string_view kInstanceSuffix = ".manifest.json";
constexpr std::string_view kSignaturePrefix = "signature-";
constexpr std::size_t kMaxVersionText = 256;

bool is_document(const Descriptor& descriptor) {
    const std::string type = media_type_essence(descriptor.media_type);
    return type == kMediaTypeIndex || type == kMediaTypeDockerManifestList || type == kMediaTypeManifest ||
           type == kMediaTypeDockerManifest;
}

bool is_digits(std::string_view text, std::string_view digits) {
    return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

bool is_blob_name(std::string_view name) {
    constexpr std::size_t kSha256Digits = 64;
    constexpr std::size_t kSha512Digits = 128;
    return (name.size() == kSha256Digits || name.size() == kSha512Digits) &&
           is_digits(name, "0123456789abcdef");
}

bool is_signature_name(std::string_view name) {
    return name.starts_with(kSignaturePrefix) &&
           is_digits(name.substr(kSignaturePrefix.size()), "0123456789");
}

// True for a file that belongs to an image in the directory.
bool is_image_file(std::string_view name) {
    if (is_blob_name(name) || is_signature_name(name)) return true;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos || !is_blob_name(name.substr(0, dot))) return false;
    return name.substr(dot) == kInstanceSuffix || is_signature_name(name.substr(dot + 1));
}

// Throws unless it is the version of the format that this file implements.
void check_version(std::string_view text) {
    if (text == kVersionText || text == kVersionText.substr(0, kVersionText.size() - 1)) return;
    throw Error(ErrorKind::unsupported,
                concat("version: ", quoted(text), ", expected ", quoted(kVersionText)));
}

class DirectoryImageSource final : public ImageSource {
  public:
    DirectoryImageSource(std::unique_ptr<LayoutFiles> files, std::string name)
        : files_(std::move(files)), name_(std::move(name)) {
        with_context([this] { return quoted(name_); }, [this] { check(); });
    }

    Document root() override {
        return with_context([this] { return quoted(name_); },
                            [this] {
                                const LayoutFiles::File file = files_->open(std::string(kRootFile));
                                return Document{.raw = read_all(*file.bytes, kMaxDocument, kRootFile),
                                                .media_type = {},
                                                .expected = std::nullopt};
                            });
    }

    std::unique_ptr<Source> open_blob(const Descriptor& descriptor) override {
        const std::string& hex = descriptor.digest.hex();
        LayoutFiles::File file = with_context(
            [this] { return quoted(name_); },
            [&] { return files_->open(is_document(descriptor) ? concat(hex, kInstanceSuffix) : hex); });
        // The reader verifies the content anyway. This check only fails earlier, before the first gigabyte.
        if (file.size != descriptor.size) {
            throw Error(ErrorKind::digest_mismatch,
                        concat("blob ", descriptor.digest.to_string(), ": expected ", descriptor.size,
                               " bytes, got ", file.size));
        }
        return std::move(file.bytes);
    }

  private:
    bool has(std::string_view name) const {
        try {
            files_->open(std::string(name));
            return true;
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            return false;
        }
    }

    void check() const {
        if (has(kVersionFile)) {
            const LayoutFiles::File file = files_->open(std::string(kVersionFile));
            check_version(read_all(*file.bytes, kMaxVersionText, kVersionFile));
        }
        if (has(kRootFile)) return;
        Error error(ErrorKind::invalid, concat("not an image directory: no file '", kRootFile, '\''));
        if (has("oci-layout")) error.hint("it holds an image layout: read it with oci:");
        throw Error(std::move(error));
    }

    std::unique_ptr<LayoutFiles> files_;
    std::string name_;
};

class DirectoryImageSink final : public ImageSink {
  public:
    explicit DirectoryImageSink(std::string directory) : name_(std::move(directory)) {
        with_context([this] { return quoted(name_); }, [this] { prepare(); });
    }

    bool has_blob(const Descriptor& descriptor) override {
        return holds_blob(directory_->get(), descriptor.digest.hex(), descriptor);
    }

    std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> /*size*/) override {
        return start_blob_file(directory_->get(), [kept = directory_](const Digest& digest) {
            return BlobPlace{.directory = open_at(kept->get(), ".", O_RDONLY | O_DIRECTORY),
                             .name = digest.hex()};
        });
    }

    void put_manifest(const std::string& raw, std::string_view media_type) override {
        with_context([this] { return quoted(name_); },
                     [&] {
                         const Manifest manifest = Manifest::parse(raw, media_type, HashAlgorithm::sha256);
                         replace_synced(directory_->get(), std::string(kRootFile), raw);
                         remove_other_files(manifest);
                     });
    }

  private:
    void prepare() {
        make_directory(AT_FDCWD, name_);
        directory_ = std::make_shared<Fd>(open_at(AT_FDCWD, name_, O_RDONLY | O_DIRECTORY));
        const int directory = directory_->get();
        // The lock ends with the descriptor. A second writer would remove the blobs of this one.
        if (!try_lock_file(directory, name_)) {
            throw Error(ErrorKind::io, "another process is writing to the directory");
        }
        remove_leftovers(directory);
        if (has_entry(directory, kVersionFile.data())) {
            return check_version(read_regular_file(directory, std::string(kVersionFile), kMaxVersionText));
        }
        if (!list_entries(directory).empty()) {
            throw Error(ErrorKind::invalid, "is neither empty nor an image directory");
        }
        replace_synced(directory, std::string(kVersionFile), kVersionText);
    }

    // Removes the files of images that were in the directory before.
    void remove_other_files(const Manifest& manifest) const {
        std::set<std::string> kept{manifest.config.digest.hex()};
        for (const Descriptor& layer : manifest.layers) kept.insert(layer.digest.hex());
        for (const std::string& name : list_entries(directory_->get())) {
            if (!is_image_file(name) || kept.contains(name)) continue;
            if (::unlinkat(directory_->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
                throw_errno(concat("cannot remove ", quoted(name)));
            }
        }
    }

    std::string name_;
    std::shared_ptr<Fd> directory_;
};

}  // namespace

std::shared_ptr<ImageSource> open_directory_image(const std::string& directory) {
    return open_directory_files(open_layout_directory(directory), directory);
}

std::shared_ptr<ImageSource> open_directory_files(std::unique_ptr<LayoutFiles> files,
                                                  const std::string& name) {
    return std::make_shared<DirectoryImageSource>(std::move(files), name);
}

std::unique_ptr<ImageSink> create_directory_sink(const std::string& directory) {
    return std::make_unique<DirectoryImageSink>(directory);
}

}  // namespace osb::oci

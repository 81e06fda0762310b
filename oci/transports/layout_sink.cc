#include "oci/transports/layout_sink.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "base/state_file.hh"
#include "oci/documents/document_json.hh"
#include "oci/transports/layout_source.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kTemporary = ".osb-tmp-";  // the prefix of temporary files

void make_directory(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST)
        throw_errno(concat("cannot make the directory ", quoted(name)));
}

Fd open_directory(int parent, const std::string& name) {
    return open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

void sync(int fd, std::string_view what) {
    if (::fsync(fd) != 0) throw_errno(concat("cannot sync ", quoted(what)));
}

std::string temporary_name() {
    static std::atomic<std::uint64_t> counter{0};
    return concat(kTemporary, static_cast<std::int64_t>(::getpid()), '-', counter.fetch_add(1));
}

// A file with a temporary name. The destructor removes it unless rename_to() has given it its final name.
class TemporaryFile {
  public:
    explicit TemporaryFile(int directory) : directory_(directory) {
        while (!make()) check_interrupt();
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (!name_.empty()) ::unlinkat(directory_, name_.c_str(), 0);
    }

    int fd() const noexcept { return fd_.get(); }
    void write(ByteView bytes) { write_all(fd_.get(), bytes, "a file of the layout"); }

    // Syncs the file and atomically renames it to `name` in the directory `target`. Replaces an existing
    // file.
    void rename_to(int target, const std::string& name) {
        sync(fd_.get(), name);
        if (::renameat(directory_, name_.c_str(), target, name.c_str()) != 0)
            throw_errno(concat("cannot rename a file to ", quoted(name)));
        name_.clear();
        sync(target, name);
    }

  private:
    // Creates and locks the file. The writer holds the lock, so an unlocked file is a leftover. Another
    // process may remove the file before it is locked; then this returns false.
    bool make() {
        name_ = temporary_name();
        fd_ = Fd(::openat(directory_, name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        if (!fd_) {
            // A process in another container may have the same process id.
            if (errno == EEXIST) return false;
            name_.clear();
            throw_errno("cannot make a file in the layout");
        }
        struct stat st {};
        if (!try_lock_file(fd_.get(), name_)) return false;
        if (::fstat(fd_.get(), &st) != 0) throw_errno("cannot stat a file of the layout");
        return st.st_nlink > 0;
    }

    int directory_;
    Fd fd_;
    std::string name_;
};

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

// Hashes the content of a file of the layout. Returns hexadecimal digits.
std::string hash_file(int fd, std::uint64_t size, HashAlgorithm algorithm) {
    Hasher hasher(algorithm);
    FileRangeSource source(fd, 0, size, "a file of the layout");
    std::vector<std::uint8_t> buffer(256UL * 1024);
    while (const std::size_t n = source.read(buffer)) {
        check_interrupt();
        hasher.update(ByteView(buffer).first(n));
    }
    return hasher.finish_hex();
}

class FileUpload final : public BlobUpload {
  public:
    explicit FileUpload(std::shared_ptr<Directories> directories)
        : directories_(std::move(directories)), file_(directories_->root.get()) {}

    void write(ByteView bytes) override {
        check_interrupt();
        hasher_.update(bytes);
        file_.write(bytes);
        size_ += bytes.size();
    }

    void finish(const Digest& digest) override {
        const std::string written =
            digest.algorithm() == HashAlgorithm::sha256 ? hasher_.finish_hex() : sha512();
        if (written != digest.hex()) {
            throw Error(ErrorKind::digest_mismatch, concat("blob written: expected ", digest.to_string(),
                                                           ", got ", digest.algorithm_name(), ':', written));
        }
        file_.rename_to(directories_->of(digest).get(), digest.hex());
    }

  private:
    // SHA-512 is rare, so it reads the file again.
    std::string sha512() const { return hash_file(file_.fd(), size_, HashAlgorithm::sha512); }

    std::shared_ptr<Directories> directories_;
    TemporaryFile file_;
    Hasher hasher_{HashAlgorithm::sha256};
    std::uint64_t size_ = 0;
};

bool exists(int directory, const char* name) {
    struct stat st {};
    if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno != ENOENT) throw_errno(concat("cannot stat ", quoted(name)));
    return false;
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

std::vector<std::string> list(int directory) {
    const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) throw_errno("cannot open the layout");
    const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(copy));
    if (!stream) {
        ::close(copy);
        throw_errno("cannot list the layout");
    }
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
        const std::string name = static_cast<const char*>(entry->d_name);
        if (name != "." && name != "..") out.push_back(name);
    }
    return out;
}

// Removes the leftovers of killed writers: temporary files without a lock.
void remove_leftovers(int directory) {
    for (const std::string& name : list(directory)) {
        if (!name.starts_with(kTemporary)) continue;
        const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(directory, name.c_str(), 0);
    }
}

class LayoutSink final : public ImageSink {
  public:
    LayoutSink(std::string directory, std::string tag)
        : name_(std::move(directory)), tag_(std::move(tag)), directories_(std::make_shared<Directories>()) {
        with_context([this] { return quoted(name_); }, [this] { prepare(); });
    }

    bool has_blob(const Descriptor& descriptor) override {
        const Digest& digest = descriptor.digest;
        struct stat st {};
        const std::string path = concat(digest.algorithm_name(), '/', digest.hex());
        const int found = ::fstatat(directories_->blobs.get(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
        if (found != 0 && errno != ENOENT) throw_errno(concat("cannot stat blob ", digest.short_string()));
        if (found != 0 || !S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != descriptor.size)
            return false;
        // Hash the file, because the right name and size do not prove its content.
        const Fd file = open_regular(directories_->blobs.get(), path);
        return hash_file(file.get(), descriptor.size, digest.algorithm()) == digest.hex();
    }

    std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> /*size*/) override {
        return std::make_unique<FileUpload>(directories_);
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
        if (exists(root, "oci-layout")) {
            check_marker();
        } else if (list(root).empty()) {
            replace("oci-layout", kLayoutMarker);
        } else {
            throw Error(ErrorKind::invalid, "is neither empty nor an image layout");
        }
        make_directory(root, "blobs");
        directories_->blobs = open_directory(root, "blobs");
        make_directory(directories_->blobs.get(), "sha256");
        // A valid layout requires an index.
        if (!exists(root, "index.json")) replace("index.json", kEmptyIndex);
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
        TemporaryFile file(directories_->root.get());
        file.write(as_bytes(content));
        file.rename_to(directories_->root.get(), name);
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

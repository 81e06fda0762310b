#include "oci/transports/blob_files.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/file_lock.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kTemporary = ".osb-tmp-";  // the prefix of temporary files

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
    void write(ByteView bytes) { write_all(fd_.get(), bytes, "a file of the image"); }

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
            throw_errno("cannot make a file for the image");
        }
        struct stat st {};
        if (!try_lock_file(fd_.get(), name_)) return false;
        if (::fstat(fd_.get(), &st) != 0) throw_errno("cannot stat a file of the image");
        return st.st_nlink > 0;
    }

    int directory_;
    Fd fd_;
    std::string name_;
};

class FileUpload final : public BlobUpload {
  public:
    FileUpload(int directory, std::function<BlobPlace(const Digest&)> place)
        : place_(std::move(place)), file_(directory) {}

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
        const BlobPlace place = place_(digest);
        file_.rename_to(place.directory.get(), place.name);
    }

  private:
    // SHA-512 is rare, so it reads the file again.
    std::string sha512() const { return hash_file(file_.fd(), size_, HashAlgorithm::sha512); }

    std::function<BlobPlace(const Digest&)> place_;
    TemporaryFile file_;
    Hasher hasher_{HashAlgorithm::sha256};
    std::uint64_t size_ = 0;
};

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

}  // namespace

std::string blob_path(const Digest& digest) {
    return concat("blobs/", digest.algorithm_name(), '/', digest.hex());
}

void make_directory(int parent, const std::string& name) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST)
        throw_errno(concat("cannot make the directory ", quoted(name)));
}

Fd open_directory(int parent, const std::string& name) {
    return open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool has_entry(int directory, const char* name) {
    struct stat st {};
    if (::fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno != ENOENT) throw_errno(concat("cannot stat ", quoted(name)));
    return false;
}

std::vector<std::string> list_entries(int directory) {
    const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) throw_errno("cannot open the directory of the image");
    const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(copy));
    if (!stream) {
        ::close(copy);
        throw_errno("cannot list the directory of the image");
    }
    std::vector<std::string> out;
    while (const dirent* entry = ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
        const std::string name = static_cast<const char*>(entry->d_name);
        if (name != "." && name != "..") out.push_back(name);
    }
    return out;
}

void remove_leftovers(int directory) {
    for (const std::string& name : list_entries(directory)) {
        if (!name.starts_with(kTemporary)) continue;
        const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(directory, name.c_str(), 0);
    }
}

std::string hash_file(int fd, std::uint64_t size, HashAlgorithm algorithm) {
    Hasher hasher(algorithm);
    FileRangeSource source(fd, 0, size, "a file of the image");
    std::vector<std::uint8_t> buffer(256UL * 1024);
    while (const std::size_t n = source.read(buffer)) {
        check_interrupt();
        hasher.update(ByteView(buffer).first(n));
    }
    return hasher.finish_hex();
}

void replace_synced(int directory, const std::string& name, std::string_view content) {
    TemporaryFile file(directory);
    file.write(as_bytes(content));
    file.rename_to(directory, name);
}

std::unique_ptr<BlobUpload> start_blob_file(int directory, std::function<BlobPlace(const Digest&)> place) {
    return std::make_unique<FileUpload>(directory, std::move(place));
}

bool holds_blob(int directory, const std::string& path, const Descriptor& descriptor) {
    const Digest& digest = descriptor.digest;
    struct stat st {};
    const int found = ::fstatat(directory, path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
    if (found != 0 && errno != ENOENT) throw_errno(concat("cannot stat blob ", digest.short_string()));
    if (found != 0 || !S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != descriptor.size)
        return false;
    const Fd file = open_regular(directory, path);
    return hash_file(file.get(), descriptor.size, digest.algorithm()) == digest.hex();
}

}  // namespace osb::oci

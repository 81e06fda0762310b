#include "oci/transports/archive_writer.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "base/unnamed_file.hh"
#include "oci/tar/tar_writer.hh"
#include "oci/transports/archive_output.hh"

namespace osb::oci {
namespace {

class FdSink final : public Sink {
  public:
    FdSink(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    void write(ByteView bytes) override { write_all(fd_.get(), bytes, name_); }
    int fd() const noexcept { return fd_.get(); }

  private:
    Fd fd_;
    std::string name_;
};

}  // namespace

// The archive that is being written. Several threads may add members.
class ArchiveWriter::Archive {
  public:
    explicit Archive(ArchiveOutput output)
        : file_(std::move(output.file)),
          is_stream_(output.is_stream),
          own_(std::make_unique<FdSink>(open_output(), file_ == "-" ? "standard output" : file_)),
          writer_(*own_) {}
    explicit Archive(Sink& sink) : file_("-"), is_stream_(true), writer_(sink) {}
    Archive(const Archive&) = delete;
    Archive& operator=(const Archive&) = delete;
    ~Archive() {
        if (!finished_ && !is_stream_) ::unlink(temporary(file_).c_str());
    }

    // Creates a file for a temporary copy of a blob, beside the archive.
    Fd open_scratch() const { return is_stream_ ? open_unnamed_file() : open_unnamed_file(directory()); }

    bool contains(const std::string& path) {
        const std::lock_guard lock(mutex_);
        return members_.contains(path);
    }

    // Adds a regular file, unless the archive has it.
    void add(const std::string& path, Source& content, std::uint64_t size) {
        const std::lock_guard lock(mutex_);
        if (!members_.insert(path).second) return;
        TarEntry entry;
        entry.path = path;
        entry.mode = 0644;
        entry.size = size;
        writer_.begin(entry);
        std::vector<std::uint8_t> buffer(256UL * 1024);
        while (const std::size_t n = content.read(buffer)) writer_.write(ByteView(buffer).first(n));
    }

    void add_directory(const std::string& path) {
        TarEntry entry;
        entry.type = TarType::directory;
        entry.path = path;
        entry.mode = 0755;
        writer_.begin(entry);
    }

    void finish() {
        writer_.finish();
        if (is_stream_) return;
        if (::fsync(own_->fd()) != 0) throw_errno(concat("cannot sync ", quoted(temporary(file_))));
        if (::rename(temporary(file_).c_str(), file_.c_str()) != 0)
            throw_errno(concat("cannot rename a file to ", quoted(file_)));
        finished_ = true;
        const Fd parent = open_at(AT_FDCWD, directory(), O_RDONLY | O_DIRECTORY);
        if (::fsync(parent.get()) != 0) throw_errno(concat("cannot sync ", quoted(directory())));
    }

  private:
    // Of the archive, for a file.
    std::string directory() const {
        const std::size_t slash = file_.rfind('/');
        return slash == std::string::npos ? "." : file_.substr(0, slash + 1);
    }
    static std::string temporary(const std::string& file) { return file + ".tmp"; }

    Fd open_output() const { return is_stream_ ? open_stream() : open_temporary(); }

    Fd open_stream() const {
        if (file_ == "-") {
            Fd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
            if (!out) throw_errno("cannot write to standard output");
            return out;
        }
        for (;;) {
            check_interrupt();
            // Without O_NONBLOCK, so that the open waits for the reader of a FIFO.
            Fd out(::open(file_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
            if (out) {
                empty_unnamed(out.get());
                return out;
            }
            if (errno != EINTR) throw_errno(concat("cannot write ", quoted(file_)));
        }
    }

    // A regular file here is an open one without a name. If it has one, somebody has put it in place of the
    // stream, and it is not emptied.
    void empty_unnamed(int fd) const {
        struct stat opened {};
        if (::fstat(fd, &opened) != 0) throw_errno(concat("cannot stat ", quoted(file_)));
        if (!S_ISREG(opened.st_mode)) return;
        if (opened.st_nlink > 0)
            throw Error(ErrorKind::io, concat("cannot write ", quoted(file_), ": it was replaced"));
        if (::ftruncate(fd, 0) != 0) throw_errno(concat("cannot write ", quoted(file_)));
    }

    Fd open_temporary() const {
        for (;;) {
            check_interrupt();
            Fd out = open_at(AT_FDCWD, temporary(file_), O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
            if (!try_lock_file(out.get(), temporary(file_)))
                throw Error(ErrorKind::io, concat("another process is writing ", quoted(file_)));
            // The other process may have finished since the open(). Then this file is its archive.
            if (!is_named(out.get(), temporary(file_))) continue;
            if (::ftruncate(out.get(), 0) != 0)
                throw_errno(concat("cannot write ", quoted(temporary(file_))));
            return out;
        }
    }

    static bool is_named(int fd, const std::string& path) {
        struct stat opened {};
        struct stat named {};
        return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
               opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
    }

    std::string file_;
    bool is_stream_;
    std::unique_ptr<FdSink> own_;  // nullptr for a sink of the caller
    TarWriter writer_;
    std::mutex mutex_;
    std::set<std::string> members_;
    bool finished_ = false;
};

namespace {

class ArchiveUpload final : public BlobUpload {
  public:
    ArchiveUpload(std::shared_ptr<ArchiveWriter::Archive> archive, std::string (*place)(const Digest&))
        : archive_(std::move(archive)), place_(place), file_(archive_->open_scratch(), "a temporary file") {}

    void write(ByteView bytes) override {
        check_interrupt();
        file_.write(bytes);
        hasher_.update(bytes);
        size_ += bytes.size();
    }

    void finish(const Digest& digest) override {
        if (digest.algorithm() != HashAlgorithm::sha256) {
            throw Error(ErrorKind::unsupported,
                        concat("blob ", digest.short_string(), ": only sha256 is supported"));
        }
        const std::string written = hasher_.finish_hex();
        if (written != digest.hex()) {
            throw Error(ErrorKind::digest_mismatch,
                        concat("blob written: expected ", digest.to_string(), ", got sha256:", written));
        }
        FileRangeSource content(file_.fd(), 0, size_, "a temporary file");
        archive_->add(place_(digest), content, size_);
    }

  private:
    std::shared_ptr<ArchiveWriter::Archive> archive_;
    std::string (*place_)(const Digest&);
    FdSink file_;
    Hasher hasher_;
    std::uint64_t size_ = 0;
};

}  // namespace

ArchiveWriter::ArchiveWriter(const std::string& file)
    : archive_(std::make_shared<Archive>(find_archive_output(file))) {}
ArchiveWriter::ArchiveWriter(Sink& sink) : archive_(std::make_shared<Archive>(sink)) {}
ArchiveWriter::~ArchiveWriter() = default;

bool ArchiveWriter::contains(const std::string& path) const {
    return archive_->contains(path);
}

void ArchiveWriter::add_text(const std::string& path, std::string_view text) {
    MemorySource source(as_bytes(text));
    archive_->add(path, source, text.size());
}

void ArchiveWriter::add_directory(const std::string& path) {
    archive_->add_directory(path);
}

std::unique_ptr<BlobUpload> ArchiveWriter::start_blob(std::string (*place)(const Digest&)) {
    return std::make_unique<ArchiveUpload>(archive_, place);
}

void ArchiveWriter::finish() {
    archive_->finish();
}

}  // namespace osb::oci

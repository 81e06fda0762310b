#include "ostree/objects/object_writer.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/free_space.hh"
#include "base/interrupt.hh"
#include "ostree/objects/filez.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_reserve.hh"
#include "ostree/objects/repository_space.hh"

namespace osb::ostree {
namespace {

bool is_symlink(const FileMeta& meta) {
    return S_ISLNK(meta.mode);
}

// A boolean in the repository's configuration file.
bool config_flag(OstreeRepo* repo, const char* key, bool otherwise) {
    GErrorSlot error;
    const gboolean value = g_key_file_get_boolean(ostree_repo_get_config(repo), "core", key, error.out());
    return error.matches(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND) ||
                   error.matches(G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND)
               ? otherwise
               : value != FALSE;
}

// The value of archive.zlib-level if it is set, otherwise the fast level.
int config_zlib_level(OstreeRepo* repo) {
    const int level = g_key_file_get_integer(ostree_repo_get_config(repo), "archive", "zlib-level", nullptr);
    return level >= 1 && level <= 9 ? level : oci::kFastDeflate;
}

[[noreturn]] void throw_wrong_checksum(const Sha256& expected, const Sha256& actual) {
    throw Error(ErrorKind::digest_mismatch,
                concat("the object ", to_hex(expected), " has the checksum ", to_hex(actual)));
}

std::int64_t inodes_left(int repo_fd) {
    return static_cast<std::int64_t>(free_space(repo_fd, "the repository").files);
}

// Writes header and content, if possible with one system call.
void write_both(int fd, ByteView header, ByteView content, const std::string& path) {
    // writev(2) does not write through iov_base; the type only lacks the const.
    const std::array<iovec, 2> parts{
        {{const_cast<std::uint8_t*>(header.data()), header.size()},      // NOLINT
         {const_cast<std::uint8_t*>(content.data()), content.size()}}};  // NOLINT
    const ssize_t n = ::writev(fd, parts.data(), static_cast<int>(parts.size()));
    if (n < 0 && errno != EINTR) throw_errno(concat("cannot write ", quoted(path)));
    std::size_t done = n < 0 ? 0 : static_cast<std::size_t>(n);
    if (done < header.size()) {
        write_all(fd, header.subspan(done), path);
        done = header.size();
    }
    write_all(fd, content.subspan(done - header.size()), path);
}

// libostree ignores such an attribute when it reads the file, so the object would appear damaged.
[[noreturn]] void throw_empty_xattr(const std::string& name) {
    throw Error(ErrorKind::unsupported, concat("the extended attribute ", quoted(name),
                                               " without a value, which bare repositories do not support"))
        .hint("use an archive or a bare-user repository");
}

void set_xattr(int fd, const std::string& name, std::string_view value) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) return;
    Error error = errno_error(errno, concat("cannot set the extended attribute ", quoted(name)));
    throw std::move(error).hint(
        "use a filesystem that supports it, or an archive repository, which stores it in a file");
}

}  // namespace

FileMeta canonical(RepoMode mode, FileMeta meta) {
    if (mode != RepoMode::bare_user_only) return meta;
    meta.uid = 0;
    meta.gid = 0;
    meta.xattrs = {};
    if (!is_symlink(meta)) meta.mode = (meta.mode & (S_IFMT | 0755U)) | S_IRUSR;
    return meta;
}

struct ObjectWriter::Shard {
    struct Key {
        Sha256 checksum;
        ObjectType type;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const noexcept {
            std::size_t out = 0;  // a checksum is itself a good hash
            std::memcpy(&out, key.checksum.data() + 8, sizeof out);
            return out;
        }
    };
    std::mutex mutex;
    std::unordered_set<Key, Hash> known;
};

ObjectWriter::ObjectWriter(Repository& repository)
    : repository_(repository),
      mode_(repository.mode()),
      staging_(ostree_repo_get_dfd(repository.handle().repo.get())),
      shards_(std::make_unique<Shard[]>(kShards)),
      deflaters_(
          [level = config_zlib_level(repository.handle().repo.get())] { return oci::make_deflater(level); }),
      hashers_([] { return std::make_unique<Hasher>(); }) {
    OstreeRepo* const repo = repository.handle().repo.get();
    sync_ = config_flag(repo, "fsync", true);
    sync_each_ = sync_ && config_flag(repo, "per-object-fsync", false);
    has_parent_ = ostree_repo_get_parent(repo) != nullptr;
    reserve_ = min_free_space(repo);
    space_left_ = space_left(staging_.fd(), reserve_);
    inodes_left_ = inodes_left(staging_.fd());
    objects_ = open_at(ostree_repo_get_dfd(repo), "objects", O_RDONLY | O_DIRECTORY);
    umask_ = ::umask(0);
    ::umask(umask_);
    struct stat st {};
    if (::fstat(staging_.fd(), &st) != 0) throw_errno("cannot stat the staging directory");
    always_chown_ = (st.st_mode & S_ISGID) != 0;  // new files do not get the process's own group
    if (mode_ == RepoMode::bare) unfinished_ = std::make_unique<UnfinishedFiles>(staging_.fd());
}

ObjectWriter::~ObjectWriter() = default;

bool ObjectWriter::is_stored(const Sha256& checksum, ObjectType type) const {
    const std::string path = loose_path(checksum, type, mode_ == RepoMode::archive);
    if (::faccessat(objects_.get(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (!has_parent_) return false;
    constexpr std::array kTypes{OSTREE_OBJECT_TYPE_FILE, OSTREE_OBJECT_TYPE_DIR_TREE,
                                OSTREE_OBJECT_TYPE_DIR_META, OSTREE_OBJECT_TYPE_COMMIT};
    gboolean present = FALSE;
    GErrorSlot error;
    error.check(ostree_repo_has_object(ostree_repo_get_parent(repository_.handle().repo.get()),
                                       kTypes.at(static_cast<std::size_t>(type)), to_hex(checksum).c_str(),
                                       &present, nullptr, error.out()) != 0,
                "cannot look an object up in the parent repository");
    return present != FALSE;
}

bool ObjectWriter::holds_file(const Sha256& checksum) const {
    const std::string path = loose_path(checksum, ObjectType::file, mode_ == RepoMode::archive);
    if (::faccessat(staging_.fd(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    return is_stored(checksum, ObjectType::file);
}

// Returns true if the caller must store this object.
bool ObjectWriter::claim(const Sha256& checksum, ObjectType type) {
    Shard& shard = shards_[checksum[1] % kShards];
    {
        const std::lock_guard lock(shard.mutex);
        if (!shard.known.insert({checksum, type}).second) return false;
    }
    return !is_stored(checksum, type);
}

void ObjectWriter::reserve(std::uint64_t bytes) {
    const std::int64_t rounded = in_blocks(bytes);
    if (space_left_.fetch_sub(rounded) >= rounded) return;
    throw reserve_error(repository_, reserve_);
}

Error ObjectWriter::no_inodes() const {
    return Error(ErrorKind::no_space, concat("the filesystem of the repository ", quoted(repository_.path()),
                                             " has no inodes left for more files"));
}

void ObjectWriter::reserve_inode() {
    if (inodes_left_.fetch_sub(1) <= 0) throw no_inodes();
}

void ObjectWriter::count(std::uint64_t bytes) {
    objects_written_.fetch_add(1, std::memory_order_relaxed);
    bytes_written_.fetch_add(bytes, std::memory_order_relaxed);
}

Fd ObjectWriter::create(const std::string& path, mode_t mode) {
    reserve_inode();
    Fd fd;
    try {
        fd = open_at(staging_.fd(), path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    } catch (const Error& error) {
        // Other processes use inodes too, and the kernel reports ENOSPC for both.
        if (error.kind() == ErrorKind::no_space && inodes_left(staging_.fd()) <= 0) throw no_inodes();
        throw;
    }
    if ((mode & umask_) != 0 && ::fchmod(fd.get(), mode) != 0)
        throw_errno(concat("cannot chmod ", quoted(path)));
    return fd;
}

Sha256 ObjectWriter::checksum_of(const FileMeta& meta, std::string_view target, ByteView content) {
    const auto hasher = hashers_.take();
    hasher->reset();
    hasher->update(file_header(meta, target));
    hasher->update(content);
    return hasher->finish_sha256();
}

Sha256 ObjectWriter::write_file(const FileMeta& full_meta, std::string_view target, ByteView content) {
    const FileMeta meta = canonical(mode_, full_meta);
    const Sha256 checksum = checksum_of(meta, target, content);
    store_file(checksum, meta, target, content);
    return checksum;
}

void ObjectWriter::write_expected_file(const Sha256& expected, const FileMeta& full_meta,
                                       std::string_view target, ByteView content) {
    const FileMeta meta = canonical(mode_, full_meta);
    const Sha256 checksum = checksum_of(meta, target, content);
    if (checksum != expected) throw_wrong_checksum(expected, checksum);
    store_file(checksum, meta, target, content);
}

void ObjectWriter::store_file(const Sha256& checksum, const FileMeta& meta, std::string_view target,
                              ByteView content) {
    if (!claim(checksum, ObjectType::file)) return;
    staging_.ensure_directory(checksum[0]);
    const std::string path = loose_path(checksum, ObjectType::file, mode_ == RepoMode::archive);
    if (mode_ == RepoMode::archive) {
        store_archive(path, meta, target, content);
    } else if (!is_symlink(meta)) {
        store_bare(path, checksum, meta, content);
    } else if (mode_ == RepoMode::bare_user) {
        // Store the target with its NUL in a file, because not every filesystem supports attributes on links.
        const std::string text(target);
        store_bare(path, checksum, meta, as_bytes({text.c_str(), text.size() + 1}));
    } else {
        store_bare_symlink(path, checksum, meta, target);
    }
}

void ObjectWriter::store_archive(const std::string& path, const FileMeta& meta, std::string_view target,
                                 ByteView content) {
    const std::string header = archive_file_header(meta, target, content.size());
    const auto deflater = deflaters_.take();
    ByteView deflated;
    if (!is_symlink(meta)) deflated = deflater->compress({.before = {}, .content = content, .last = true});
    const std::uint64_t total = header.size() + deflated.size();
    reserve(total);
    const Fd fd = create(path, 0644);
    write_both(fd.get(), as_bytes(header), deflated, path);
    if (sync_each_ && ::fsync(fd.get()) != 0) throw_errno(concat("cannot sync ", quoted(path)));
    count(total);
}

void ObjectWriter::store_bare(const std::string& path, const Sha256& checksum, const FileMeta& meta,
                              ByteView content) {
    reserve(content.size());
    const Fd fd = create(path, 0600);
    write_all(fd.get(), content, path);
    finish_later(fd.get(), checksum, meta);
    count(content.size());
}

// Nobody may run a setuid file or read a secret file while its bytes are not verified. In modes other than
// bare, a file belongs to the importing user and has no special bits.
void ObjectWriter::finish_later(int fd, const Sha256& checksum, const FileMeta& meta) {
    if (!unfinished_) return finish_file(fd, meta);
    if (!meta.xattrs.empty()) reserve(meta.xattrs.size());
    unfinished_->add(checksum, meta);
}

// Sets owner, mode, attributes and time of a file in a bare repository, in libostree's order: the owner
// first, because changing it clears the setuid bit and the capabilities.
void ObjectWriter::finish_file(int fd, const FileMeta& meta) {
    mode_t mode = meta.mode & 07777U;
    if (mode_ == RepoMode::bare) {
        const bool own = !always_chown_ && meta.uid == ::geteuid() && meta.gid == ::getegid();
        if (!own && ::fchown(fd, meta.uid, meta.gid) != 0) {
            throw errno_error(errno, "cannot set the owner of an object")
                .hint("a bare repository needs root; use an archive or a bare-user one");
        }
    } else if (mode_ == RepoMode::bare_user) {
        set_xattr(fd, "user.ostreemeta", bare_user_meta(meta));
        mode = is_symlink(meta) ? 0644 : (mode & 0775U) | S_IRUSR;
    }
    if (mode != 0600 && ::fchmod(fd, mode) != 0) throw_errno("cannot set the mode of an object");
    if (mode_ == RepoMode::bare && !meta.xattrs.empty()) {
        for (const auto& [name, value] : parse_xattrs(meta.xattrs)) {
            if (value.empty()) throw_empty_xattr(name);
            set_xattr(fd, name, value);
        }
    }
    // libostree's OSTREE_TIMESTAMP, so that programs that compare the times of files see no change.
    const std::array<timespec, 2> times{{{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 0, .tv_nsec = 0}}};
    if (::futimens(fd, times.data()) != 0) throw_errno("cannot set the time of an object");
    if (sync_each_ && ::fsync(fd) != 0) throw_errno("cannot sync an object");
}

void ObjectWriter::store_bare_symlink(const std::string& path, const Sha256& checksum, const FileMeta& meta,
                                      std::string_view target) {
    reserve_inode();
    const std::string text(target);
    if (::symlinkat(text.c_str(), staging_.fd(), path.c_str()) != 0)
        throw_errno(concat("cannot create ", quoted(path)));
    if (unfinished_) unfinished_->add(checksum, meta);
    count(0);
}

void ObjectWriter::finish_bare_object(const Sha256& checksum, const FileMeta& meta) {
    const std::string path = loose_path(checksum, ObjectType::file, /*archive=*/false);
    if (!is_symlink(meta)) {
        finish_file(open_at(staging_.fd(), path, O_RDONLY | O_NOFOLLOW).get(), meta);
    } else if (::fchownat(staging_.fd(), path.c_str(), meta.uid, meta.gid, AT_SYMLINK_NOFOLLOW) != 0) {
        throw errno_error(errno, "cannot set the owner of an object")
            .hint("a bare repository needs root; use an archive or a bare-user one");
    }
}

Sha256 ObjectWriter::write_metadata(ObjectType type, ByteView bytes) {
    const Sha256 checksum = sha256(bytes);
    if (!claim(checksum, type)) return checksum;
    staging_.ensure_directory(checksum[0]);
    const std::string path = loose_path(checksum, type, mode_ == RepoMode::archive);
    const Fd fd = create(path, 0644);
    write_all(fd.get(), bytes, path);
    if (sync_each_ && ::fsync(fd.get()) != 0) throw_errno(concat("cannot sync ", quoted(path)));
    count(bytes.size());
    return checksum;
}

std::string ObjectWriter::read_metadata(ObjectType type, const Sha256& checksum) const {
    const std::string path = loose_path(checksum, type, mode_ == RepoMode::archive);
    const Fd staged(::openat(staging_.fd(), path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!staged) return ostree::read_metadata(repository_, type, checksum);
    FileRangeSource source(staged.get(), 0, file_size(staged.get()), path);
    return read_all(source, kMaxMetadataSize, path);
}

std::unique_ptr<Source> ObjectWriter::open_content(const Sha256& checksum) const {
    const std::string path = loose_path(checksum, ObjectType::file, mode_ == RepoMode::archive);
    Fd staged(::openat(staging_.fd(), path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!staged) return open_object(repository_, checksum).content;
    if (mode_ == RepoMode::archive) return open_filez(std::move(staged)).content;
    return std::make_unique<FdSource>(std::move(staged), path);
}

void ObjectWriter::publish() {
    if (unfinished_) {
        unfinished_->finish_all(
            [this](const Sha256& checksum, const FileMeta& meta) { finish_bare_object(checksum, meta); });
    }
    staging_.publish(sync_);
}

struct FileStream::Piece {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t length = 0;
    bool last = false;
    std::vector<std::uint8_t> deflated;
    std::atomic<bool> done{false};
};

class FileStream::PieceTask final : public Task {
  public:
    PieceTask(ObjectWriter& writer, std::shared_ptr<Piece> piece)
        : writer_(writer), piece_(std::move(piece)) {}
    void run() override {
        const auto deflater = writer_.deflaters_.take();
        const ByteView deflated = deflater->compress(
            {.before = {}, .content = {piece_->bytes.get(), piece_->length}, .last = piece_->last});
        piece_->deflated.assign(deflated.begin(), deflated.end());
        piece_->bytes.reset();
        piece_->done = true;
    }

  private:
    ObjectWriter& writer_;
    std::shared_ptr<Piece> piece_;
};

FileStream::FileStream(ObjectWriter& writer, TaskPool& pool, const FileMeta& meta, std::uint64_t size)
    : writer_(writer),
      pool_(pool),
      meta_(canonical(writer.mode_, meta)),
      left_(size),
      name_(writer.staging_.unique_name()),
      fd_(writer.create(name_, writer.mode_ == RepoMode::archive ? 0644 : 0600)) {
    hasher_.update(file_header(meta_, {}));
    if (writer_.mode_ != RepoMode::archive) return;
    const std::string header = archive_file_header(meta_, {}, size);
    write_all(fd_.get(), as_bytes(header), name_);
    stored_ = header.size();
}

FileStream::~FileStream() {
    if (!finished_) ::unlinkat(writer_.staging_.fd(), name_.c_str(), 0);
}

void FileStream::write(std::unique_ptr<std::uint8_t[]> bytes, std::size_t length) {
    constexpr std::size_t kPiecesAhead = 8;
    const ByteView view(bytes.get(), length);
    if (length > left_) throw Error(ErrorKind::internal, "a file is longer than its declared size");
    left_ -= length;
    hasher_.update(view);
    if (writer_.mode_ != RepoMode::archive) {
        writer_.reserve(length);
        write_all(fd_.get(), view, name_);
        stored_ += length;
        return;
    }
    auto piece = std::make_shared<Piece>();
    piece->bytes = std::move(bytes);
    piece->length = length;
    piece->last = left_ == 0;
    pieces_.push_back(piece);
    pool_.submit(std::make_unique<PieceTask>(writer_, piece), length);
    while (!pieces_.empty() && (pieces_.front()->done || pieces_.size() > kPiecesAhead)) write_front();
}

void FileStream::fill(Source& content, const std::function<void(std::size_t)>& done) {
    while (left_ > 0) {
        check_interrupt();
        const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left_, kPiece));
        auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(length);
        if (read_full(content, {piece.get(), length}) != length)
            throw Error(ErrorKind::digest_mismatch, "the content of a file is cut off");
        write(std::move(piece), length);
        if (done) done(length);
    }
}

void FileStream::write_front() {
    const std::shared_ptr<Piece> piece = pieces_.front();
    pool_.help_until([&piece] { return piece->done.load(); });
    writer_.reserve(piece->deflated.size());
    write_all(fd_.get(), piece->deflated, name_);
    stored_ += piece->deflated.size();
    pieces_.pop_front();
}

Sha256 FileStream::finish() {
    const Sha256 checksum = finish_hash();
    store(checksum);
    return checksum;
}

void FileStream::finish_expected(const Sha256& expected) {
    const Sha256 checksum = finish_hash();
    if (checksum != expected) throw_wrong_checksum(expected, checksum);  // the destructor removes the file
    store(checksum);
}

Sha256 FileStream::finish_hash() {
    if (left_ != 0) throw Error(ErrorKind::internal, "a file is shorter than its declared size");
    while (!pieces_.empty()) write_front();
    return hasher_.finish_sha256();
}

void FileStream::store(const Sha256& checksum) {
    if (!writer_.claim(checksum, ObjectType::file)) return;  // the destructor removes the file
    if (writer_.mode_ == RepoMode::archive) {
        if (writer_.sync_each_ && ::fsync(fd_.get()) != 0) throw_errno(concat("cannot sync ", quoted(name_)));
    } else {
        writer_.finish_later(fd_.get(), checksum, meta_);
    }
    writer_.staging_.ensure_directory(checksum[0]);
    const std::string path = loose_path(checksum, ObjectType::file, writer_.mode_ == RepoMode::archive);
    if (::renameat(writer_.staging_.fd(), name_.c_str(), writer_.staging_.fd(), path.c_str()) != 0) {
        throw_errno(concat("cannot rename ", quoted(name_)));
    }
    finished_ = true;
    writer_.count(stored_);
}

}  // namespace osb::ostree

// Writes ostree's objects from many threads, in the format of the repository's mode.
//
// libostree's own writer compresses with zlib on one thread and opens a temporary file for every object. This
// writer uses the same formats (docs/import.md, "Objects"), under libostree's transaction and lock. The tests
// check its output with `ostree fsck`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"
#include "base/object_pool.hh"
#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/codec/deflater.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"
#include "ostree/objects/staging.hh"
#include "ostree/objects/unfinished_files.hh"

namespace osb::ostree {

// Reduces the metadata to what the mode can store. A bare-user-only repository stores no owner, no extended
// attributes and no special mode bits, which ostree calls canonical permissions. Other modes store
// everything.
FileMeta canonical(RepoMode mode, FileMeta meta);

// Writes objects into the staging area of one transaction. write_file() and write_metadata() are thread-safe.
class ObjectWriter {
  public:
    // Create it inside a transaction on `repository`, which is borrowed, before threads start.
    explicit ObjectWriter(Repository& repository);
    ~ObjectWriter();
    ObjectWriter(const ObjectWriter&) = delete;
    ObjectWriter& operator=(const ObjectWriter&) = delete;

    // Stores a regular file, or with S_IFLNK in the mode a symbolic link to `target`. Returns the object's
    // checksum. Does not write an object again that the repository has. Thread-safe.
    Sha256 write_file(const FileMeta& meta, std::string_view target, ByteView content);

    // The same for an object whose checksum is known. Throws Error{digest_mismatch}, and stores nothing, if
    // the object has another one. Thread-safe.
    void write_expected_file(const Sha256& expected, const FileMeta& meta, std::string_view target,
                             ByteView content);

    // Stores a dirtree or dirmeta object.
    Sha256 write_metadata(ObjectType type, ByteView bytes);

    // True if the repository or its parent has the object. Ignores objects that this writer has written.
    // Thread-safe.
    bool is_stored(const Sha256& checksum, ObjectType type) const;

    // True if this writer has written the object of a file, or is_stored(). No thread may write it any more.
    bool holds_file(const Sha256& checksum) const;

    // The bytes of a dirtree or dirmeta object that was written or is in the repository. Throws
    // Error{not_found}.
    std::string read_metadata(ObjectType type, const Sha256& checksum) const;

    // Opens the content of a regular file's object that was written, and is not checked again, or that is in
    // the repository. No thread may write it any more. Throws Error{not_found}; and as open_object().
    std::unique_ptr<Source> open_content(const Sha256& checksum) const;

    // Moves all written objects to objects/. They are durable unless the repository's configuration disables
    // that. This also sets owner, mode and attributes of files in a bare repository, so their layers must
    // have been verified. Call it once, from one thread, before libostree's own commit of the transaction.
    void publish();

    RepoMode mode() const noexcept { return mode_; }
    std::uint64_t objects_written() const noexcept { return objects_written_; }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; }

  private:
    friend class FileStream;
    Sha256 checksum_of(const FileMeta& meta, std::string_view target, ByteView content);
    void store_file(const Sha256& checksum, const FileMeta& meta, std::string_view target, ByteView content);
    bool claim(const Sha256& checksum, ObjectType type);
    void reserve(std::uint64_t bytes);
    void reserve_inode();
    Error no_inodes() const;
    void count(std::uint64_t bytes);
    void store_archive(const std::string& path, const FileMeta& meta, std::string_view target,
                       ByteView content);
    void store_bare(const std::string& path, const Sha256& checksum, const FileMeta& meta, ByteView content);
    void store_bare_symlink(const std::string& path, const Sha256& checksum, const FileMeta& meta,
                            std::string_view target);
    void finish_later(int fd, const Sha256& checksum, const FileMeta& meta);
    void finish_file(int fd, const FileMeta& meta);
    void finish_bare_object(const Sha256& checksum, const FileMeta& meta);
    Fd create(const std::string& path, mode_t mode);

    Repository& repository_;
    const RepoMode mode_;
    bool sync_ = true;
    bool sync_each_ = false;
    bool always_chown_ = false;
    mode_t umask_ = 0;
    bool has_parent_ = false;
    Fd objects_;
    Staging staging_;
    std::unique_ptr<UnfinishedFiles> unfinished_;  // for a bare repository

    static constexpr std::size_t kShards = 64;
    struct Shard;
    std::unique_ptr<Shard[]> shards_;
    std::atomic<std::int64_t> space_left_{0};
    std::atomic<std::int64_t> inodes_left_{0};
    std::uint64_t reserve_ = 0;
    std::atomic<std::uint64_t> objects_written_{0};
    std::atomic<std::uint64_t> bytes_written_{0};
    ObjectPool<oci::Deflater> deflaters_;
    ObjectPool<Hasher> hashers_;
};

// Writes a file that is too large for memory, piece by piece. The checksum is known at the end. Not
// thread-safe; for an archive repository, the threads of the pool compress the pieces.
class FileStream {
  public:
    // `size` is the total size in bytes. `writer` and `pool` are borrowed.
    FileStream(ObjectWriter& writer, TaskPool& pool, const FileMeta& meta, std::uint64_t size);
    FileStream(const FileStream&) = delete;
    FileStream& operator=(const FileStream&) = delete;
    // Removes the file unless finish() has succeeded.
    ~FileStream();

    // Writes a piece. Pieces of kPiece bytes are best; the last one may be shorter.
    void write(std::unique_ptr<std::uint8_t[]> piece, std::size_t length);
    // Writes the rest of the file, from the bytes of `content` up to its size. `done` is called with the
    // length of each piece. Throws Error{digest_mismatch} if the content ends before; Interrupted.
    void fill(Source& content, const std::function<void(std::size_t)>& done = {});
    Sha256 finish();
    // The same for an object whose checksum is known. Throws Error{digest_mismatch}, and stores nothing, if
    // the object has another one.
    void finish_expected(const Sha256& expected);

    static constexpr std::size_t kPiece = 1024UL * 1024;

  private:
    class PieceTask;
    struct Piece;
    void write_front();
    Sha256 finish_hash();
    void store(const Sha256& checksum);

    ObjectWriter& writer_;
    TaskPool& pool_;
    FileMeta meta_;
    std::uint64_t left_;
    std::string name_;
    Fd fd_;
    Hasher hasher_;
    std::deque<std::shared_ptr<Piece>> pieces_;
    bool finished_ = false;
    std::uint64_t stored_ = 0;
};

}  // namespace osb::ostree

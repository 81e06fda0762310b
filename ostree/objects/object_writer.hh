// Writes ostree's objects, from many threads at once, in the form that the repository's mode asks for.
//
// libostree's own writer compresses with zlib on one thread and opens a temporary file for every object. This
// one follows the same formats (docs/import.md, "Objects"), under libostree's transaction and lock; `ostree
// fsck` is its judge.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"
#include "base/object_pool.hh"
#include "base/task_pool.hh"
#include "oci/codec/deflater.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"
#include "ostree/objects/staging.hh"
#include "ostree/objects/unfinished_files.hh"

namespace osb::ostree {

// Which files a bare-user-only repository can hold: no owner, no extended attributes, no special bits. ostree
// calls these the canonical permissions. Other modes store everything.
FileMeta canonical(RepoMode mode, FileMeta meta);

class ObjectWriter {
  public:
    // To be made inside a transaction on `repository`, which is borrowed, before threads start.
    explicit ObjectWriter(Repository& repository);
    ~ObjectWriter();
    ObjectWriter(const ObjectWriter&) = delete;
    ObjectWriter& operator=(const ObjectWriter&) = delete;

    // Stores a regular file or, with S_IFLNK in the mode, a symbolic link to `target`; returns the object's
    // checksum. What the repository has already is not written again. Threads may call it at once.
    Sha256 write_file(const FileMeta& meta, std::string_view target, ByteView content);

    // Stores a dirtree or dirmeta object.
    Sha256 write_metadata(ObjectType type, ByteView bytes);

    // Whether the repository, or its parent, has the object. Not what this writer has written. Threads may
    // call it at once.
    bool is_stored(const Sha256& checksum, ObjectType type) const;

    // The bytes of a dirtree or dirmeta object that was written, or that the repository has. Throws
    // Error{not_found}.
    std::string read_metadata(ObjectType type, const Sha256& checksum) const;

    // Moves everything that was written under objects/, durable unless the repository's configuration says
    // otherwise. Only now the files of a bare repository get their owner, mode and attributes: the layers
    // that they come from must have been verified. To be called once, by one thread; before libostree's own
    // commit of the transaction.
    void publish();

    RepoMode mode() const noexcept { return mode_; }
    std::uint64_t objects_written() const noexcept { return objects_written_; }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; }

  private:
    friend class FileStream;
    Sha256 checksum_of(const FileMeta& meta, std::string_view target, ByteView content);
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
    std::unique_ptr<UnfinishedFiles> unfinished_;  // of a bare repository

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

// A file that is too large to be held in memory: written piece by piece, its checksum known at the end. For
// one thread; the pieces of an archive repository are compressed by the pool's threads.
class FileStream {
  public:
    // `size` is what will be written in all. `writer` and `pool` are borrowed.
    FileStream(ObjectWriter& writer, TaskPool& pool, const FileMeta& meta, std::uint64_t size);
    FileStream(const FileStream&) = delete;
    FileStream& operator=(const FileStream&) = delete;
    // Removes the file unless it was finished.
    ~FileStream();

    // Pieces are best of kPiece bytes each; the last one may be shorter.
    void write(std::unique_ptr<std::uint8_t[]> piece, std::size_t length);
    Sha256 finish();

    static constexpr std::size_t kPiece = 1024UL * 1024;

  private:
    class PieceTask;
    struct Piece;
    void write_front();

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

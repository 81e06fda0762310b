// Writes a tar archive as a stream of entries with ustar headers (POSIX.1-2001 pax, "ustar Interchange
// Format"). A PAX header precedes an entry whose fields do not fit, or which has extended attributes. The
// same entries give the same bytes: times are 0, and users and groups have no names.
#pragma once

#include <cstdint>
#include <string>

#include "base/stream.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::oci {

// Receives the positions of entries and contents. The calls occur between the writes to the sink, in this
// order: begin_entry, header bytes, begin_content, content, end_content, padding. An entry without content
// has neither begin_content nor end_content.
class TarObserver {
  public:
    TarObserver() = default;
    TarObserver(const TarObserver&) = delete;
    TarObserver& operator=(const TarObserver&) = delete;
    virtual ~TarObserver() = default;

    // The headers of `entry` follow in the stream. Its path is as written: the path of a directory ends in
    // '/'.
    virtual void begin_entry(const TarEntry& entry) = 0;
    // entry.size bytes of content follow (> 0).
    virtual void begin_content() = 0;
    virtual void end_content() = 0;
    // The two zero blocks follow.
    virtual void end_entries() = 0;
};

// Writes an archive: for each entry begin() and its content, then finish(). After an error the archive is
// unusable. Not thread-safe.
class TarWriter {
  public:
    // Both are borrowed and must outlive this object. `observer` may be null.
    explicit TarWriter(Sink& sink, TarObserver* observer = nullptr) noexcept;
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;
    ~TarWriter() = default;

    // Starts an entry. entry.size is the size of the content that follows in write(); only a file can have
    // content. The path of a directory gets a '/' at its end if it does not have one. Throws Error{invalid}
    // for an empty path, a file path that ends in '/', a NUL byte in a name, a key of an extended attribute
    // that PAX cannot represent, and a link without a target. Throws Error{internal} if content of the
    // previous entry is missing.
    void begin(const TarEntry& entry);

    // Writes the next bytes of the content. Throws Error{internal} beyond entry.size.
    void write(ByteView content);

    // Ends the archive with exactly two zero blocks, because readers of zstd:chunked drop further ones.
    // Throws Error{internal} if content is missing.
    void finish();

  private:
    void end_entry();

    Sink& sink_;
    TarObserver* observer_;
    std::string path_;         // of the current entry
    std::uint64_t left_ = 0;   // bytes of its content to come
    std::size_t padding_ = 0;  // zero bytes after the content
};

}  // namespace osb::oci

// A tar archive written as a stream of entries: ustar headers (POSIX.1-2001 pax, "ustar Interchange Format"),
// with a PAX header before an entry whose fields do not fit, and for extended attributes. The same entries
// give the same bytes: times are 0, users and groups have no names.
#pragma once

#include <cstdint>
#include <string>

#include "base/stream.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::oci {

// Is told where in the stream entries and their contents begin. The calls come between the writes to the
// sink: begin_entry, header bytes, begin_content, content, end_content, padding. An entry without content has
// no begin_content.
class TarObserver {
  public:
    TarObserver() = default;
    TarObserver(const TarObserver&) = delete;
    TarObserver& operator=(const TarObserver&) = delete;
    virtual ~TarObserver() = default;

    // The bytes from here on are the headers of `entry`, whose path is as it was written: that of a directory
    // ends in '/'.
    virtual void begin_entry(const TarEntry& entry) = 0;
    // entry.size > 0 bytes of content follow.
    virtual void begin_content() = 0;
    virtual void end_content() = 0;
    // The two zero blocks follow.
    virtual void end_entries() = 0;
};

// Writes an archive, entry by entry: begin(), content if it has any, and so on, then finish(). After an error
// the archive is of no use.
class TarWriter {
  public:
    // Both are borrowed; `observer` may be null.
    explicit TarWriter(Sink& sink, TarObserver* observer = nullptr) noexcept;
    TarWriter(const TarWriter&) = delete;
    TarWriter& operator=(const TarWriter&) = delete;
    ~TarWriter() = default;

    // Begins an entry. entry.size is that of the content that write() is given next; only a file has any. A
    // directory's path gets a '/' at its end if it has none. Throws Error{invalid} for an empty path, one of
    // a file that ends in '/', a NUL byte in a name, a key of an extended attribute that PAX cannot hold, and
    // a link without a target; Error{internal} when content of the entry before is missing.
    void begin(const TarEntry& entry);

    // The next bytes of the content. Throws Error{internal} beyond entry.size.
    void write(ByteView content);

    // Ends the archive with exactly two zero blocks: readers of zstd:chunked drop what is beyond them. Throws
    // Error{internal} when content is missing.
    void finish();

  private:
    void end_entry();

    Sink& sink_;
    TarObserver* observer_;
    std::string path_;         // of the present entry
    std::uint64_t left_ = 0;   // of its content
    std::size_t padding_ = 0;  // zero bytes due after it
};

}  // namespace osb::oci

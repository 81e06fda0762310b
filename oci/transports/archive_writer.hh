// An archive that is being written, for the transports that store an image in a tar archive. Private to this
// room.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

class ArchiveWriter {
  public:
    // file: a path, or "-" for standard output. A stream (see find_archive_output()) is written as it is. A
    // file is written as FILE.tmp, which atomically replaces FILE at finish(). A new writer overwrites the
    // leftover of a killed one. Throws Error{io} if another process writes the same file; Error{no_space}.
    explicit ArchiveWriter(const std::string& file);
    // Writes to `sink`, which is borrowed and must outlive this object.
    explicit ArchiveWriter(Sink& sink);
    ArchiveWriter(const ArchiveWriter&) = delete;
    ArchiveWriter& operator=(const ArchiveWriter&) = delete;
    ~ArchiveWriter();

    // True if the archive has a regular file of this name. Thread-safe.
    bool contains(const std::string& path) const;
    // Adds a regular file, unless the archive has it. Thread-safe.
    void add_text(const std::string& path, std::string_view text);
    void add_directory(const std::string& path);
    // Starts a blob that becomes the member `place(digest)`, unless the archive has it. A tar header has the
    // size of the member, so the blob is first written to an unnamed file: beside FILE, or else where
    // open_unnamed_file() makes it. The upload may outlive this object. Only sha256 is supported.
    // Thread-safe.
    std::unique_ptr<BlobUpload> start_blob(std::string (*place)(const Digest&));
    // Ends the archive and, for a file, makes it durable and visible. Call it once, last.
    void finish();

    class Archive;  // private to the source file

  private:
    std::shared_ptr<Archive> archive_;
};

}  // namespace osb::oci

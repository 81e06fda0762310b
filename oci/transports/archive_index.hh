// Access to the members of a tar archive by name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hh"
#include "base/stream.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::oci {

// The positions of the members of an archive. The constructor reads the headers once; open() reads content on
// demand. open() is thread-safe.
class ArchiveIndex {
  public:
    // `file`: a path, or "-" for standard input. A file that is not regular (a pipe), or is compressed with
    // gzip or zstd (`docker save | gzip`), is copied and decompressed to an unnamed temporary file in
    // $TMPDIR, or else in /var/tmp or /tmp. Throws Error: invalid or too_large for an archive that is
    // malformed, has a member twice with different content, has too many members, or unpacks to more than 1
    // GiB plus 200 times its size; unsupported for another compression.
    explicit ArchiveIndex(const std::string& file);
    // Copies and decompresses `stream` in the same way. Messages call it `name`. Throws as the constructor
    // above.
    ArchiveIndex(Source& stream, std::string name);

    bool contains(const std::string& path) const;

    // The size of a regular member in bytes.
    std::uint64_t size(const std::string& path) const;

    // Opens the content of a regular member. Follows links within the archive. The result may outlive this
    // object. Throws Error{not_found} if there is no such member, Error{unsupported} for a sparse one.
    std::unique_ptr<Source> open(const std::string& path) const;

  private:
    struct Member {
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        std::string link;  // for a link: the path of its target member, not normalised
        bool is_link = false;
        bool is_sparse = false;  // its content is not stored contiguously
    };

    void spool(Source& stream);
    void index_members(TarReader& reader);
    void check_members_end() const;
    void check_copies() const;
    void add_member(const TarReader& reader, const TarEntry& entry);
    const Member& find(const std::string& path) const;

    std::string name_;
    std::shared_ptr<Fd> fd_;
    std::uint64_t path_bytes_ = 0;
    std::map<std::string, Member> members_;
    std::vector<std::pair<std::string, Member>> copies_;  // further members of the same name
};

}  // namespace osb::oci

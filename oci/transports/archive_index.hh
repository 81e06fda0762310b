// A tar archive on the disk, opened by the names of its members.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/fd.hh"
#include "base/stream.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::oci {

// Where the members of an archive lie. Headers are read once; content is read from its place when it is asked
// for. Several threads may open members at once.
class ArchiveIndex {
  public:
    // `file`: a path, or "-" for standard input. What is not a regular file (a pipe), or is compressed with
    // gzip or zstd (`docker save | gzip`), is copied, unpacked, to a temporary file without a name while it
    // is read: in $TMPDIR, or else /var/tmp or /tmp. Throws Error: invalid or too_large for an archive that
    // is malformed, names a member twice, has too many of them, or unpacks to more than 1 GiB and 200 times
    // its size; unsupported for one compressed in another way.
    explicit ArchiveIndex(const std::string& file);

    bool contains(const std::string& path) const;

    // The size of a regular member in bytes.
    std::uint64_t size(const std::string& path) const;

    // The content of a regular member; links are followed within the archive. What is returned may outlive
    // this object. Throws Error{not_found} when there is none, Error{unsupported} for a sparse one.
    std::unique_ptr<Source> open(const std::string& path) const;

  private:
    struct Member {
        std::uint64_t offset = 0;
        std::uint64_t size = 0;
        std::string link;  // for a link: the path of the member that it stands for, not normalised
        bool is_link = false;
        bool is_sparse = false;  // its content is not stored as it is
    };

    void spool(Fd file);
    void index_members(TarReader& reader);
    void check_members_end() const;
    void add_member(const TarReader& reader, const TarEntry& entry);
    const Member& find(const std::string& path) const;

    std::string name_;
    std::shared_ptr<Fd> fd_;
    std::uint64_t path_bytes_ = 0;
    std::map<std::string, Member> members_;
};

}  // namespace osb::oci

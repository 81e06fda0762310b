// The bytes of ostree's objects, as libostree defines them (ostree-core.h; "Anatomy of a repository" in its
// manual). All numbers are big-endian, except in GVariant's own framing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.hh"

namespace osb::ostree {

// Extended attributes in ostree's format: a serialised GVariant a(ayay), sorted by name, with names that end
// in NUL. Empty for no attributes.
using XattrBytes = std::string;

// Serialises name and value pairs, which must be sorted by name.
XattrBytes serialize_xattrs(const std::vector<std::pair<std::string, std::string>>& xattrs);
// The inverse, for repositories that store attributes natively.
std::vector<std::pair<std::string, std::string>> parse_xattrs(std::string_view bytes);

// The metadata of a file or directory.
struct FileMeta {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;   // with the file type: S_IFREG, S_IFLNK, S_IFDIR
    std::string_view xattrs;  // XattrBytes
};

// The header that precedes the content in the checksum of a content object. `target` is for symbolic links.
std::string file_header(const FileMeta& meta, std::string_view target);
// The header of a .filez file in an archive repository, before the raw deflate data. `size` is that of the
// content in bytes.
std::string archive_file_header(const FileMeta& meta, std::string_view target, std::uint64_t size);
// The user.ostreemeta attribute of a file in a bare-user repository.
std::string bare_user_meta(const FileMeta& meta);
// A dirmeta object.
std::string dirmeta(const FileMeta& meta);

// A dirtree object. Both lists must be sorted by name (bytes).
struct DirtreeFile {
    std::string_view name;
    const Sha256* checksum;
};
struct DirtreeDirectory {
    std::string_view name;
    Sha256 tree;
    Sha256 meta;
};
std::string dirtree(const std::vector<DirtreeFile>& files, const std::vector<DirtreeDirectory>& directories);

// The maximum size of a metadata object that all versions of libostree read: 10 MiB (2022.7; 128 MiB since
// 2024).
inline constexpr std::size_t kMaxMetadataSize = 10UL * 1024 * 1024;

enum class ObjectType { file, dirtree, dirmeta, commit };

// The path below objects/: "XX/<62 digits>.<suffix>", with "filez" for files of an archive repository.
std::string loose_path(const Sha256& checksum, ObjectType type, bool archive);

}  // namespace osb::ostree

// The bytes of ostree's objects, as libostree defines them (ostree-core.h; "Anatomy of a repository" in its
// manual). Big-endian numbers throughout, except in the framing of GVariant itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.hh"

namespace osb::ostree {

// Extended attributes in the form that ostree stores: the serialised GVariant a(ayay), sorted by name, names
// with their NUL. Empty for none.
using XattrBytes = std::string;

// The name and value pairs, sorted by name, as XattrBytes.
XattrBytes serialize_xattrs(const std::vector<std::pair<std::string, std::string>>& xattrs);
// The reverse, for a repository that stores them natively.
std::vector<std::pair<std::string, std::string>> parse_xattrs(std::string_view bytes);

// What ostree knows of a file or directory besides its content.
struct FileMeta {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;   // with the file type: S_IFREG, S_IFLNK, S_IFDIR
    std::string_view xattrs;  // XattrBytes
};

// The header that comes before the content in a content object's checksum; `target` for symbolic links.
std::string file_header(const FileMeta& meta, std::string_view target);
// The header of a .filez file in an archive repository; raw deflate data follows. `size` of the content in
// bytes.
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

// The largest metadata object that every libostree reads: 10 MiB (2022.7; 128 MiB since 2024).
inline constexpr std::size_t kMaxMetadataSize = 10UL * 1024 * 1024;

enum class ObjectType { file, dirtree, dirmeta, commit };

// "XX/<62 digits>.<suffix>" below objects/, with "filez" for files of an archive repository.
std::string loose_path(const Sha256& checksum, ObjectType type, bool archive);

}  // namespace osb::ostree

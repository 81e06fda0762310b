// The commits with which ostree-ext tests itself, made by libostree alone. Their checksums are published, so
// they say whether objects, commits and images are what other programs take them for.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace osb::test {

inline constexpr const char* kGoldenContentChecksum =
    "bd3d13c3059e63e6f8a3d6d046923ded730d90bd7a055c9ad93312111ea7d395";
// /usr/bin/arping, with a file capability and a label.
inline constexpr const char* kGoldenArping =
    "b048a4f451e9fdfaaec911c1fe07d5d1d39be02f932b827c25458d3b15ae589e";
// What became of the first commit when /usr/bin/bash was replaced.
inline constexpr const char* kGoldenSecondCommit =
    "6e6afc49d902daa2456c858818e0ad8bf9afe79cdcca738c5676c0e175c1def1";

struct GoldenCommits {
    std::string first;  // with detached metadata: {"my-detached-key": "my-detached-value"}
    std::string second;
    std::string content_checksum;  // of the first
};

// Makes an archive repository at `path`, with both commits; the ref "golden" names the second.
GoldenCommits make_golden_repository(const std::string& path);

// How images spelled a commit over the years; all of them are to be read.
enum class GoldenForm {
    inlined,  // today's: attributes are the content of .file-xattrs-link
    linked,   // .file-xattrs-link is a hard link to a .file-xattrs
    v0,       // paths with "./", .file.xattrs is a hard link into sysroot/ostree/repo/xattrs
};

// The layers (tar, uncompressed) of an image that holds the first commit as ostree-ext wrote it, objects by
// their checksums: the commit with its metadata, then two of content and an empty one for new packages; for
// v0 a single one with everything.
std::vector<std::string> golden_layers(const std::string& repository, const std::string& commit,
                                       GoldenForm form);

}  // namespace osb::test

// The objects in an encapsulated image: their names, and the checks before one is stored
// (docs/formats/encapsulated-image.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/object_writer.hh"

namespace osb::ostree {

// The maximum size in bytes of the extended attributes of one object, as in ostree-ext.
inline constexpr std::size_t kMaxObjectXattrs = 1024UL * 1024;

// The content of an image's layers besides objects in the repository.
struct Encapsulated {
    std::optional<CommitId> commit;  // nullopt until it was read
    std::string commit_object;       // the bytes of the commit
    std::string detached;            // detached metadata, serialised; "" for none
};

// The name of an object: 64 lower-case hexadecimal digits, and "file", "dirtree", "commit", ...
struct ImageObjectName {
    std::string checksum;
    std::string suffix;
};

// The object at a normalised path below kImageObjects. Throws Error{invalid} for a path that is not one of an
// object.
ImageObjectName parse_object_path(std::string_view path);

// Checks the bytes of a commit against its name and structure. Returns the commit. Throws
// Error{digest_mismatch, invalid}.
CommitId check_commit_object(const ImageObjectName& name, const std::string& bytes);

// Stores a dirtree or dirmeta object as store_directory_object() in ostree/tree/directory_objects.hh.
void store_directory_object(ObjectWriter& writer, const ImageObjectName& name, const std::string& bytes);

// Throws Error{invalid} for malformed extended attributes (XattrBytes).
std::string checked_xattrs(std::string bytes);

}  // namespace osb::ostree

// Content objects of a repository as entries of tar archives.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/tar/tar_writer.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

// The attributes, given as XattrBytes, that an image shows: all but security.selinux, and those whose names
// an archive cannot hold (is_portable()). SELinux labels are left to the system that runs the image: podman
// would refuse a layer that sets them.
std::vector<std::pair<std::string, std::string>> visible_xattrs(std::string_view bytes);

// Whether a name in `path` begins with ".wh.": in a layer it would hide what the layers below have.
bool has_whiteout_name(std::string_view path) noexcept;

// The file or symbolic link at `path`, with owner, mode, attributes and size of the object.
oci::TarEntry tar_entry(const ContentObject& object, std::string path);

// Writes the content of a file after its entry was begun; nothing for a link. `name` stands for the object in
// errors. Throws Error{invalid} when the object is not as long as it says.
void write_content(oci::TarWriter& tar, ContentObject& object, std::string_view name);

}  // namespace osb::ostree

// Conversion of content objects to tar entries.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/tar/tar_writer.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {

// Parses XattrBytes and returns the attributes that an image shows. Omits security.selinux and attributes
// whose names do not fit an archive (is_portable()). The system that runs the image sets SELinux labels:
// podman would reject a layer that sets them.
std::vector<std::pair<std::string, std::string>> visible_xattrs(std::string_view bytes);

// True if a name in `path` starts with ".wh.": in a layer it would hide files of lower layers.
bool has_whiteout_name(std::string_view path) noexcept;

// The entry of a file or symbolic link at `path`, with owner, mode, attributes and size of the object.
oci::TarEntry tar_entry(const ContentObject& object, std::string path);

// Writes the content of a file after begin() of its entry; writes nothing for a link. `name` names the object
// in errors. Throws Error{invalid} if the object does not have its declared length.
void write_content(oci::TarWriter& tar, ContentObject& object, std::string_view name);

}  // namespace osb::ostree

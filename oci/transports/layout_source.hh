// Images in an image layout (image-layout.md), in a directory or an archive.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_source.hh"

namespace osb::oci {

// The maximum size of the file oci-layout in bytes; it has a single short member.
inline constexpr std::size_t kMaxMarker = 4096;
// The annotation with the tag of an entry of index.json (annotations.md).
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";

// The files of an image in a directory or an archive. Several threads may open files at once. An opened file
// may outlive this object.
class LayoutFiles {
  public:
    struct File {
        std::unique_ptr<Source> bytes;
        std::uint64_t size = 0;
    };

    LayoutFiles() = default;
    LayoutFiles(const LayoutFiles&) = delete;
    LayoutFiles& operator=(const LayoutFiles&) = delete;
    virtual ~LayoutFiles() = default;

    // Opens a regular file by its path relative to the top, such as "blobs/sha256/<hex>". Throws
    // Error{not_found} if it does not exist, Error{invalid} if it is not a regular file.
    virtual File open(const std::string& path) const = 0;
};

// Opens the image with the name `tag`: the annotation org.opencontainers.image.ref.name, else
// io.containerd.image.name or its end. "" selects the only image, however many tags it has. If all images
// have different platforms, "" selects an index of all of them, for a choice by platform. Signatures and
// other artifacts that refer to an image are not images. A tag of several images with different platforms
// selects an index of these. `name` names the layout in messages. Throws Error{invalid} if it is not a
// layout, Error{not_found} with the available tags.
std::shared_ptr<ImageSource> open_layout_files(std::unique_ptr<LayoutFiles> files, const std::string& name,
                                               const std::string& tag);

// Reads index.json of a layout in a directory, with all entries. Throws Error as open_layout() and root().
Index read_layout_index(const std::string& directory);

// The files of a directory. Symbolic links, FIFOs and devices in it are rejected, so no path leads out of the
// directory. Throws Error{not_found}; Error{io} if it is not a directory.
std::unique_ptr<LayoutFiles> open_layout_directory(const std::string& directory);

// Opens a layout in a directory. Symbolic links, FIFOs and devices in it are rejected, so no path leads out
// of the directory.
std::shared_ptr<ImageSource> open_layout(const std::string& directory, const std::string& tag);

}  // namespace osb::oci

// Images in an image layout (image-layout.md), whether a directory holds it or an archive.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_source.hh"

namespace osb::oci {

// Bytes of the file oci-layout, at the most: it holds one short member.
inline constexpr std::size_t kMaxMarker = 4096;
// The annotation of an entry of index.json that is the tag (annotations.md).
inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";

// The files of a layout. Several threads may open files at once; what was opened may outlive this object.
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

    // A regular file by its path below the layout's root, e.g. "blobs/sha256/<hex>". Throws Error{not_found}
    // when there is none, Error{invalid} when it is something else.
    virtual File open(const std::string& path) const = 0;
};

// The image that `tag` names: the annotation org.opencontainers.image.ref.name, else io.containerd.image.name
// or its end. With "": the only image, however many tags it has; or all of them as an index, for a choice by
// platform, when each has another platform. `name` stands for the layout in messages. Throws Error{invalid}
// for what is not a layout, Error{not_found} naming the tags there are.
std::shared_ptr<ImageSource> open_layout_files(std::unique_ptr<LayoutFiles> files, const std::string& name,
                                               const std::string& tag);

// A layout in a directory. Nothing below it is followed out of it: symbolic links, FIFOs and devices are
// refused.
std::shared_ptr<ImageSource> open_layout(const std::string& directory, const std::string& tag);

}  // namespace osb::oci

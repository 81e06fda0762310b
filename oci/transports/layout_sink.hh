// An image written into an image layout (image-layout.md) in a directory, beside the images that are there.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

// The layout in `directory`, which is made when it is missing (its parent must exist). tag: the image's name
// in the layout (annotation org.opencontainers.image.ref.name); with "" it has none, and replaces the one
// without a name.
//
// Blobs become visible whole, under the digest of what was written, and index.json is replaced at once: a
// reader sees the old or the new image whenever the writer is stopped. Writers of several processes take
// turns at index.json and lose nothing of each other's. What a killed writer left is removed by the next one.
//
// Throws Error{invalid} for a directory that holds something else or a layout that is damaged,
// Error{unsupported} for one of another version; Error{no_space}, Error{io}.
std::unique_ptr<ImageSink> create_layout_sink(const std::string& directory, const std::string& tag);

// The marker file's content, as image-layout.md has it.
inline constexpr const char* kLayoutMarker = R"({"imageLayoutVersion":"1.0.0"})";

// index.json with the image `manifest` (digest and size of these bytes) under `tag`: in place of what had the
// tag, or as the last. Other entries are kept as they are, members that are unknown included. raw: the file
// as it is, "" when there is none.
std::string index_with_image(const std::string& raw, const std::string& manifest, std::string_view media_type,
                             const std::string& tag);

}  // namespace osb::oci

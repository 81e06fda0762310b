// Writes an image into an image layout (image-layout.md) in a directory, which may have other images.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

// Opens the layout in `directory`, and creates it if it is missing; its parent must exist. tag: the name of
// the image in the layout (annotation org.opencontainers.image.ref.name). With "" the image has no name, and
// replaces the one without a name.
//
// Writes are atomic. A blob becomes visible when it is complete, under the digest of its bytes. index.json is
// replaced in one step, so a reader sees the old or the new image whenever the writer stops. Concurrent
// writers in several processes take turns at index.json and keep each other's changes. A writer removes the
// leftovers of killed writers.
//
// Throws Error{invalid} for a directory with other content or a damaged layout, Error{unsupported} for
// another version of the layout; Error{no_space}, Error{io}.
std::unique_ptr<ImageSink> create_layout_sink(const std::string& directory, const std::string& tag);

// The content of the file oci-layout (image-layout.md).
inline constexpr const char* kLayoutMarker = R"({"imageLayoutVersion":"1.0.0"})";

// Returns index.json with the image `manifest` (digest and size of these bytes) under `tag`. The image
// replaces the entry with the same tag, or becomes the last entry. Other entries remain unchanged, including
// unknown members. raw: the current file, "" if there is none.
std::string index_with_image(const std::string& raw, const std::string& manifest, std::string_view media_type,
                             const std::string& tag);

}  // namespace osb::oci

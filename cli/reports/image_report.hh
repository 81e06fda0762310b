// What `inspect` tells about an image or an index, for people and for programs.
#pragma once

#include <string>

#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"

namespace osb::cli {

// The layers' sizes as they lie at the transport, together. Throws Error{invalid} when they overflow.
std::uint64_t total_size(const oci::Manifest& manifest);

// For people: everything that came from outside is escaped.
std::string describe_image(const oci::Reference& reference, const oci::Image& image);
std::string describe_index(const oci::Reference& reference, const oci::Index& index);

// For programs: the JSON document of docs/json.md, as to_document() writes it.
std::string image_document(const oci::Reference& reference, const oci::Image& image);
std::string index_document(const oci::Reference& reference, const oci::Index& index);

}  // namespace osb::cli

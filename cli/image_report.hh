// What `inspect` tells about an image or an index, for people and for programs.
#pragma once

#include <string>

#include "cli/json_output.hh"
#include "oci/image.hh"
#include "oci/reference.hh"

namespace osb::cli {

// The layers' sizes as they lie at the transport, together. Throws Error{invalid} when they overflow.
std::uint64_t total_size(const oci::Manifest& manifest);

// For people: everything that came from outside is escaped.
std::string describe_image(const oci::Reference& reference, const oci::Image& image);
std::string describe_index(const oci::Reference& reference, const oci::Index& index);

// For programs: docs/json.md.
OrderedJson image_to_json(const oci::Reference& reference, const oci::Image& image);
OrderedJson index_to_json(const oci::Reference& reference, const oci::Index& index);

}  // namespace osb::cli

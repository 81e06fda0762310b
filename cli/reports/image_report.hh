// The output of `inspect` for an image or an index, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/import/fetch_plan.hh"

namespace osb::cli {

// The sum of the layers' sizes at the transport. Throws Error{invalid} if it overflows.
std::uint64_t total_size(const oci::Manifest& manifest);

// For people. External text is escaped. `plan`: what a pull would fetch, if it is known.
std::string describe_image(const oci::Reference& reference, const oci::Image& image,
                           const std::optional<std::vector<ostree::PlannedWay>>& plan = {});
std::string describe_index(const oci::Reference& reference, const oci::Index& index);

// For programs: the JSON document of docs/json.md, in the format of to_document().
std::string image_document(const oci::Reference& reference, const oci::Image& image,
                           const std::optional<std::vector<ostree::PlannedWay>>& plan = {});
std::string index_document(const oci::Reference& reference, const oci::Index& index);

}  // namespace osb::cli

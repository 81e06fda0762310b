// What a registry says with an error status.
#pragma once

#include <string>

#include "base/stream.hh"

namespace osb::registry {

// The errors of a body as the distribution specification ("Error Codes") writes them: "DENIED: requested
// access to the resource is denied"; the beginning of the text for another body; "" for none. At most 64 KiB
// are read. Escaped; failures to read it are no further error.
std::string describe_error_body(Source& body);

}  // namespace osb::registry

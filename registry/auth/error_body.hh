// Error messages in the responses of registries.
#pragma once

#include <string>

#include "base/stream.hh"

namespace osb::registry {

// Describes the body of an error response. For the format of the distribution specification ("Error Codes"):
// "DENIED: requested access to the resource is denied". For another body: the start of its text; "" for an
// empty one. Reads at most 64 KiB. The result is escaped. Failures to read the body are ignored.
std::string describe_error_body(Source& body);

}  // namespace osb::registry

// Content-Encoding, which osb-oci never asks for, but which some proxies and file servers apply to what they
// pass on, and others set on blobs that are gzip files themselves. Private to this room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/stream.hh"
#include "oci/documents/manifest.hh"
#include "registry/http/http_client.hh"

namespace osb::registry {

// True if the response claims to be encoded, in any way.
bool has_content_coding(const HttpResponse& response);

// Undoes gzip on a document, which never begins like gzip itself. Throws Error: invalid; too_large, naming
// `what`, for more than `limit` bytes.
std::string decoded_document(const HttpResponse& response, std::string body, std::size_t limit,
                             std::string_view what);

// Takes the body of a response that has a whole blob. read() undoes gzip if the body cannot be the blob: if
// it has another length than `blob`, or, without a Content-Length, if the blob is not a gzip file itself. The
// bytes are not verified. read() throws as the body does, and Error{invalid} for a damaged encoding.
std::unique_ptr<Source> take_blob_body(HttpResponse& response, const oci::Descriptor& blob);

}  // namespace osb::registry

// The gzip container (RFC 1952) around any decoder of raw deflate. Headers, trailers and the joining of
// members are the same code for all libraries, so that the accepted input does not depend on the build.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "oci/codec/inflater.hh"

namespace osb::oci {

// Decompresses all members of the gzip stream `inner`, which is borrowed. decompress.hh lists the errors.
std::unique_ptr<Source> make_gzip_source(Source& inner, std::unique_ptr<Inflater> inflater);

}  // namespace osb::oci

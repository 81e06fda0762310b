// The gzip container (RFC 1952) around any decoder of raw deflate: headers, trailers and the joining of
// members are the same code whichever library inflates, so that what is accepted does not depend on how the
// program was built.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "oci/codec/inflater.hh"

namespace osb::oci {

// The content of all members of the gzip stream `inner`, which is borrowed. See decompress.hh for what is
// refused.
std::unique_ptr<Source> make_gzip_source(Source& inner, std::unique_ptr<Inflater> inflater);

}  // namespace osb::oci

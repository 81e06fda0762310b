// Layer compression undone: exactly the one format that the media type names, never a guess.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "oci/media_type.hh"

namespace osb::oci {

// The decompressed bytes of `inner`, which is borrowed and must outlive the result.
//
// gzip (RFC 1952): several members one after the other, each member's CRC and length checked; zero padding
// after the last member is accepted. zstd (RFC 8878): several frames, skippable frames, checksums; windows up
// to 128 MiB, no dictionaries. Throws Error{invalid} on bytes that are not of the format, on a truncated
// stream and on rubbish after the end. Reads `inner` to its end.
std::unique_ptr<Source> decompress(Source& inner, Compression compression);

// The gzip decoders behind decompress(): ISA-L's where it was built in (else the same as the second), and
// zlib's.
std::unique_ptr<Source> gunzip_fast(Source& inner);
std::unique_ptr<Source> gunzip_zlib(Source& inner);

}  // namespace osb::oci

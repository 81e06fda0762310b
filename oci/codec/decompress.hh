// Layer compression undone: one of the formats that the specification has, once.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "oci/documents/media_type.hh"

namespace osb::oci {

// The decompressed bytes of `inner`, which is borrowed and must outlive the result.
//
// gzip (RFC 1952): several members one after the other, each member's CRC and length checked; zero padding
// after the last member is accepted. zstd (RFC 8878): several frames, skippable frames, checksums; windows up
// to 128 MiB, no dictionaries. Throws Error{invalid} on bytes that are not of the format, on a truncated
// stream and on rubbish after the end. Reads `inner` to its end.
std::unique_ptr<Source> decompress(Source& inner, Compression compression);

// As decompress(), for a layer whose media type names `declared`. Builders and registries confuse those
// types, and podman, docker and skopeo look at the blob, so the blob decides here too: gzip and zstd by their
// magic numbers, a tar archive by its first header. What shows none of them is read as its type says, for the
// sake of the message. Nothing is trusted in this: the blob's digest and the diffID say whether it was right.
std::unique_ptr<Source> decompress_layer(Source& inner, Compression declared);

// What the first bytes of a blob, 512 where there are as many, show it to be.
Compression find_compression(ByteView head, Compression declared);

// The gzip decoders behind decompress(): ISA-L's where it was built in (else the same as the second), and
// zlib's.
std::unique_ptr<Source> gunzip_fast(Source& inner);
std::unique_ptr<Source> gunzip_zlib(Source& inner);

}  // namespace osb::oci

// Decompression of layers, in the formats of the image specification.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "oci/documents/media_type.hh"

namespace osb::oci {

// Decompresses `inner`, which is borrowed and must outlive the result.
//
// gzip (RFC 1952): several members are accepted, and the CRC and length of each member are checked; zero
// padding after the last member is accepted. zstd (RFC 8878): several frames, skippable frames and checksums
// are accepted. Reads `inner` to its end. read() throws Error{invalid} on malformed data, on a truncated
// stream and on garbage after the end; for zstd also Error{unsupported} for a dictionary and Error{too_large}
// for a window of more than 128 MiB.
std::unique_ptr<Source> decompress(Source& inner, Compression compression);

// Decompresses a layer whose media type names the compression `declared`. Builders and registries confuse
// these types, so podman, docker and skopeo look at the blob, and so does this function: it detects gzip,
// zstd, xz and bzip2 by their magic numbers and a tar archive by its first header. If it detects none of
// them, it uses `declared`, so that the error message fits. The result is not trusted: the caller checks the
// digest and the diffID.
std::unique_ptr<Source> decompress_layer(Source& inner, Compression declared);

// Detects the compression from the first 512 bytes of a blob, or from all bytes of a shorter one.
Compression find_compression(ByteView head, Compression declared);

// Compressions that no media type names, but that docker, podman and skopeo read.
enum class UntypedCompression { none, xz, bzip2 };

// Detects them by their magic numbers, unless the bytes are the first header of a tar archive: the first 512
// bytes of a file, or all bytes of a shorter one.
UntypedCompression find_untyped_compression(ByteView head);

// Decompresses the file `inner`, which is borrowed: unxz_file() or unbzip2(). `compression` is not none.
std::unique_ptr<Source> decompress(Source& inner, UntypedCompression compression);

// The gzip decoders that decompress() uses. gunzip_fast() uses ISA-L if it was built in, otherwise zlib.
std::unique_ptr<Source> gunzip_fast(Source& inner);
std::unique_ptr<Source> gunzip_zlib(Source& inner);

}  // namespace osb::oci

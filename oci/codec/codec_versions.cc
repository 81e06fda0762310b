#include "oci/codec/codec_versions.hh"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#ifdef OSB_HAVE_ISAL
#include <isa-l.h>
#endif

#include "base/bytes.hh"

namespace osb::oci {

std::vector<LibraryVersion> codec_versions() {
    std::vector<LibraryVersion> out{
        {"zstd", ZSTD_versionString()}, {"xz", lzma_version_string()}, {"zlib", zlibVersion()}};
#ifdef OSB_HAVE_ISAL
    out.push_back({"ISA-L", concat(ISAL_MAJOR_VERSION, ".", ISAL_MINOR_VERSION, ".", ISAL_PATCH_VERSION)});
#endif
    return out;
}

}  // namespace osb::oci

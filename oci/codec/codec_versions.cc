#include "oci/codec/codec_versions.hh"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#ifdef OSB_HAVE_ISAL
#include <isa-l.h>
#endif

#include <string>
#include <string_view>

#include "base/bytes.hh"

namespace osb::oci {

namespace {

// libbz2 prints its date as well: "1.0.8, 13-Jul-2019".
std::string bzip2_version() {
    const std::string_view version = BZ2_bzlibVersion();
    return std::string(version.substr(0, version.find(',')));
}

}  // namespace

std::vector<LibraryVersion> codec_versions() {
    std::vector<LibraryVersion> out{{"zstd", ZSTD_versionString()},
                                    {"xz", lzma_version_string()},
                                    {"zlib", zlibVersion()},
                                    {"bzip2", bzip2_version()}};
#ifdef OSB_HAVE_ISAL
    out.push_back({"ISA-L", concat(ISAL_MAJOR_VERSION, ".", ISAL_MINOR_VERSION, ".", ISAL_PATCH_VERSION)});
#endif
    return out;
}

}  // namespace osb::oci

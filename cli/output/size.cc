#include "cli/output/size.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "image/disk/byte_size.hh"

namespace osb::cli {

std::uint64_t parse_size(std::string_view option, std::string_view text) {
    const std::optional<std::uint64_t> size = image::parse_byte_size(text);
    if (size && *size != 0) return *size;
    throw Error(ErrorKind::usage, concat(option, ": not a size: ", osb::quoted(text)))
        .hint("write a number, and K, M, G or T for powers of 1024");
}

}  // namespace osb::cli

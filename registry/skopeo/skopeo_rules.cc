#include "registry/skopeo/skopeo_rules.hh"

#include <string>
#include <string_view>

#include "base/temporary_directory.hh"

namespace osb::registry {
namespace {

using Arguments = std::vector<std::string>;

bool is_temporary(std::string_view path) {
    const std::string directory = temporary_directory() + '/';
    // $TMPDIR itself may have such names, as ~/.cache.
    return path.starts_with(directory) &&
           path.substr(directory.size() - 1).find("/.") == std::string_view::npos;
}

}  // namespace

bool is_skopeo_proxy(const Arguments& argv) {
    constexpr std::size_t kDirectory = 2;
    return argv.size() > kDirectory && is_temporary(argv[kDirectory]) &&
           argv ==
               Arguments{"skopeo", "--tmpdir", argv[kDirectory], "experimental-image-proxy", "--sockfd", "3"};
}

bool is_skopeo_copy(const Arguments& argv, const oci::Reference& target) {
    constexpr std::size_t kArchive = 4;
    constexpr std::string_view kTransport = "oci-archive:";
    return argv.size() > kArchive && argv[kArchive].starts_with(kTransport) &&
           is_temporary(std::string_view(argv[kArchive]).substr(kTransport.size())) &&
           argv == Arguments{"skopeo",  "--insecure-policy", "copy",
                             "--quiet", argv[kArchive],      target.to_string()};
}

}  // namespace osb::registry

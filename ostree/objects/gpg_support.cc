#include "ostree/objects/gpg_support.hh"

#include <string_view>

#include "ostree/objects/glib.hh"

namespace osb::ostree {

bool has_gpg() noexcept {
    // The features are words. libostree has no function that returns those of the loaded library.
    constexpr std::string_view kFeatures = " " OSTREE_BUILT_FEATURES " ";
    return kFeatures.find(" gpgme ") != std::string_view::npos;
}

}  // namespace osb::ostree

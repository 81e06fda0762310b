#include "system/upgrade/upgrade_target.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/reference.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {
namespace {

image::ImageOrigin image_to_follow(const std::string& reference) {
    const auto origin = image::Origin::of_image(image::with_grammar(reference));
    return std::get<image::ImageOrigin>(origin.target());
}

std::string read_from(const UpgradeTarget& followed, const UpgradeOptions& options) {
    if (!options.from.empty()) return oci::Reference::parse(options.from).to_string();
    if (const auto* image = std::get_if<image::ImageOrigin>(&followed.origin)) return image->reference;
    return "";
}

Release release_of(const ostree::Sysroot& sysroot, const ostree::CommitId& commit) {
    const ostree::CommitInfo info = ostree::read_commit_info(sysroot.repository(), commit);
    return {.version = info.version, .time = info.time};
}

}  // namespace

UpgradeTarget find_upgrade_target(const ostree::Sysroot& sysroot, const UpgradeOptions& options) {
    const Roles roles = roles_of(sysroot);
    if (!roles.current) {
        throw Error(ErrorKind::not_found, concat("nothing is deployed in ", quoted(sysroot.path())));
    }
    check_no_reset_waits(roles);
    UpgradeTarget out{.roles = roles, .current = *roles.current};
    if (options.switch_to.empty()) {
        out.origin = image::Origin::parse(out.current.origin).target();
    } else {
        const image::ImageOrigin wanted = image_to_follow(options.switch_to);
        out.changes = true;
        try {
            const image::OriginTarget present = image::Origin::parse(out.current.origin).target();
            const auto* image = std::get_if<image::ImageOrigin>(&present);
            out.changes = image == nullptr || image->value != wanted.value;
        } catch (const Error&) {
            // A target that cannot be followed is replaced.
        }
        out.origin = wanted;
    }
    if (std::holds_alternative<image::NoOrigin>(out.origin) && options.from.empty()) {
        throw Error(ErrorKind::not_found,
                    "this system does not follow an image, so there is nothing to upgrade to")
            .hint("'osb-oci switch IMAGE' makes it follow one");
    }
    out.image = to_string(out.origin);
    out.read_from = read_from(out, options);
    out.present = release_of(sysroot, out.current.id.commit);
    return out;
}

}  // namespace osb::system

#include "system/diff/diff.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/reference.hh"
#include "system/deploy/deployment_name.hh"
#include "system/diff/diff_operands.hh"

namespace osb::system {
namespace {

PackageDiff diff_packages(const ostree::DiffSide& a, const std::string& name_a, const ostree::DiffSide& b,
                          const std::string& name_b) {
    const auto before = ostree::packages_of_commit(a.repository, a.commit);
    const auto after = ostree::packages_of_commit(b.repository, b.commit);
    PackageDiff out;
    if (before && after) {
        out.changes = ostree::package_changes(*before, *after);
    } else if (!before && !after) {
        out.unknown = "neither side has an apk database";
    } else {
        out.unknown = concat(quoted(before ? name_b : name_a), " has no apk database");
    }
    return out;
}

}  // namespace

SystemDiff diff_trees(const ostree::DiffSide& a, const std::string& name_a, const ostree::DiffSide& b,
                      const std::string& name_b, unsigned jobs) {
    return {.packages = diff_packages(a, name_a, b, name_b), .tree = ostree::diff_commits(a, b, jobs)};
}

OperandKind kind_of_operand(std::string_view text) {
    if (oci::Reference::looks_like_image(text)) return OperandKind::image;
    return is_deployment_name(text) ? OperandKind::deployment : OperandKind::revision;
}

SystemDiff diff_systems(const std::string& a, const std::string& b, const DiffPlaces& places,
                        Progress& progress) {
    DiffOperands operands(places, progress);
    DiffOperands::Operand before = operands.open(a);
    DiffOperands::Operand after = operands.open(b);
    operands.import_images(before, after);
    return diff_trees(*before.side, a, *after.side, b, places.jobs);
}

}  // namespace osb::system

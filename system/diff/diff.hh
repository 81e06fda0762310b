// Compares two systems: images, commits of a repository, and deployments.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/documents/platform.hh"
#include "ostree/diff/commit_diff.hh"
#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/packages.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::system {

// Where the operands of a comparison are found.
struct DiffPlaces {
    std::string repository;  // path of the repository of refs and commits; "" for that of the sysroot
    // Opens the sysroot. Called at most once, and only if an operand or `repository` needs it.
    std::function<ostree::Sysroot()> open_sysroot;
    std::optional<oci::Platform> platform;  // of images; nothing means this machine's
    registry::RegistryOptions registry;
    unsigned jobs = 0;  // number of threads; 0: one per core
};

// The difference of the packages of two systems.
struct PackageDiff {
    // Sorted by name; nothing if one side has no apk database, with the reason.
    std::optional<std::vector<ostree::PackageChange>> changes;
    std::string unknown;
};

// The result of a comparison.
struct SystemDiff {
    PackageDiff packages;
    ostree::CommitDiff tree;
};

// Compares two commits. The names are for PackageDiff::unknown.
SystemDiff diff_trees(const ostree::DiffSide& a, const std::string& name_a, const ostree::DiffSide& b,
                      const std::string& name_b, unsigned jobs);

// The way in which the text of an operand is read.
enum class OperandKind {
    image,       // starts with a transport
    deployment,  // is_deployment_name()
    revision,    // everything else: a ref, a commit or the start of one
};
OperandKind kind_of_operand(std::string_view text);

// Compares the systems that `a` and `b` name. An image is imported into a scratch repository, which is
// removed at the end. If the image holds a commit and nothing else, that commit is compared. Any other image
// is imported in the layout of the other side's commit; two such images are imported in the layout `plain`.
// No repository of the user is changed; the repository may be missing if both operands are images. Throws
// Error as the sources of images, import_image(), find_deployment() and diff_commits(); not_found for a
// missing ref. Throws Interrupted.
SystemDiff diff_systems(const std::string& a, const std::string& b, const DiffPlaces& places,
                        Progress& progress);

}  // namespace osb::system

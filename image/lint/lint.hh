// The checks of an image, commit or directory: whether it is a good bootable system.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "image/lint/checks.hh"
#include "image/lint/findings.hh"
#include "image/lint/lint_context.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

// The name of the check that fails if import refuses an image as a whole, so that no other check can run.
inline constexpr std::string_view kImportCheck = "import";

// All checks, in the order in which they run.
const std::vector<LintCheck>& lint_checks();

// Names of checks that do not run.
using SkippedChecks = std::set<std::string, std::less<>>;

// Throws Error{usage}, with a suggestion, for a name that is not a check.
void check_names_of_checks(const SkippedChecks& skipped);

// The result.
struct LintReport {
    std::vector<Finding> findings;  // in the order of the checks
    std::size_t checks = 0;         // number of checks that ran

    std::size_t count(Severity severity) const;
};

// Runs the checks. Reads only. Throws Error if the tree cannot be read; Interrupted.
LintReport lint(const LintSubject& subject, const SkippedChecks& skipped);

// Lints a commit. `platform` replaces the one that the commit states. Throws Error as CommitTree does.
LintReport lint_commit(const ostree::Repository& repository, const ostree::CommitId& commit,
                       const SkippedChecks& skipped, const std::optional<oci::Platform>& platform = {});

// "2 errors, 1 warning"; "" if there are none.
std::string count_findings(const std::vector<Finding>& findings);

}  // namespace osb::image

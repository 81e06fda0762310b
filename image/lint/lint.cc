#include "image/lint/lint.hh"

#include <algorithm>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/numbers.hh"
#include "base/spelling.hh"
#include "image/lint/commit_tree.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::image {
namespace {

void run_nothing(const LintContext&, Findings&) {}

std::vector<LintCheck> all_checks() {
    // lint_image() makes its findings: without a commit there is no tree.
    std::vector<LintCheck> out{{kImportCheck, "import refuses the image as a whole", run_nothing}};
    for (const std::span<const LintCheck> group :
         {layout_checks(), boot_checks(), configuration_checks(), service_checks(), content_checks(),
          permission_checks(), secret_checks()}) {
        out.insert(out.end(), group.begin(), group.end());
    }
    return out;
}

}  // namespace

const std::vector<LintCheck>& lint_checks() {
    static const std::vector<LintCheck> kChecks = all_checks();
    return kChecks;
}

void check_names_of_checks(const SkippedChecks& skipped) {
    std::vector<std::string> names;
    for (const LintCheck& check : lint_checks()) names.emplace_back(check.name);
    for (const std::string& name : skipped) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        const std::optional<std::string> near = nearest_name(name, names);
        throw Error(ErrorKind::usage, concat("there is no check ", quoted(name)))
            .hint(near ? concat("did you mean ", quoted(*near), "?")
                       : std::string("'osb-oci lint --list' prints all checks"));
    }
}

std::size_t LintReport::count(Severity severity) const {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [&](const Finding& finding) { return finding.severity == severity; }));
}

LintReport lint(const LintSubject& subject, const SkippedChecks& skipped) {
    const LintContext context(subject);
    LintReport report;
    Findings findings(report.findings);
    for (const LintCheck& check : lint_checks()) {
        if (skipped.contains(check.name)) continue;
        check_interrupt();
        findings.begin(check.name);
        check.run(context, findings);
        findings.end();
        ++report.checks;
    }
    return report;
}

LintReport lint_commit(const ostree::Repository& repository, const ostree::CommitId& commit,
                       const SkippedChecks& skipped, const std::optional<oci::Platform>& platform) {
    const CommitTree tree(repository, commit);
    return lint({.tree = tree,
                 .source = LintSource::commit,
                 .platform = platform ? platform : ostree::read_commit_platform(repository, commit),
                 .version = ostree::read_commit_info(repository, commit).version,
                 .dropped = {}},
                skipped);
}

std::string count_findings(const std::vector<Finding>& findings) {
    std::size_t errors = 0;
    for (const Finding& finding : findings) errors += finding.severity == Severity::error ? 1 : 0;
    const std::size_t warnings = findings.size() - errors;
    std::string out;
    if (errors > 0) out = format_count(errors, "error");
    if (errors > 0 && warnings > 0) out += ", ";
    if (warnings > 0) out += format_count(warnings, "warning");
    return out;
}

}  // namespace osb::image

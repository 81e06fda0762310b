// osb-oci lint: finds what keeps an image, a commit or a directory from being a good bootable system.
#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"
#include "image/lint/directory_tree.hh"
#include "image/lint/lint.hh"
#include "image/lint/lint_image.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

using image::Finding;
using image::LintReport;

OrderedJson to_json(const LintReport& report) {
    OrderedJson findings = OrderedJson::array();
    for (const Finding& finding : report.findings) {
        findings.push_back({{"check", finding.check},
                            {"severity", image::to_string(finding.severity)},
                            {"path", finding.path},
                            {"message", finding.message},
                            {"fix", finding.fix}});
    }
    return {{"schema", 1}, {"findings", std::move(findings)}, {"checks", report.checks}};
}

std::string to_text(const LintReport& report) {
    std::string out;
    for (const Finding& finding : report.findings) {
        const std::string where = finding.path.empty() ? std::string() : concat(escape(finding.path), ": ");
        out += concat(image::to_string(finding.severity), ": [", finding.check, "] ", where, finding.message,
                      '\n');
        if (!finding.fix.empty()) out += concat("    fix: ", finding.fix, '\n');
    }
    const std::string count = image::count_findings(report.findings);
    return concat(out, count.empty() ? "no findings" : count, " in ", format_count(report.checks, "check"),
                  '\n');
}

std::string list_of_checks(bool json) {
    std::string text;
    OrderedJson rows = OrderedJson::array();
    constexpr std::size_t kColumn = 18;
    for (const image::LintCheck& check : image::lint_checks()) {
        std::string name(check.name);
        rows.push_back({{"name", name}, {"description", check.description}});
        name.resize(std::max(name.size() + 1, kColumn), ' ');
        text += concat(name, check.description, '\n');
    }
    return json ? to_document({{"schema", 1}, {"checks", std::move(rows)}}) : text;
}

bool is_written_as_path(std::string_view target) {
    return target.starts_with('/') || target.starts_with('.') || target.ends_with('/');
}

class LintVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        Argument platform = platform_argument(platform_);
        platform.help = "platform of the image to choose from an index, or of the directory";
        arguments.add({
            {.name = "TARGET",
             .kind = ValueKind::lint_target,
             .help = "image of any transport; ref or commit of the repository; or directory with a root "
                     "filesystem, such as ./root",
             .target = &target_},
            {.name = "--skip",
             .value = "NAME",
             .help = "check that does not run",
             .offered = names_of_checks(),
             .target = &skipped_},
            {.name = "--fatal-warnings",
             .help = "exit with status 1 for warnings, too",
             .target = &fatal_warnings_},
            {.name = "--list", .help = "print the names of all checks and what they find", .target = &list_},
            platform,
        });
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(target_);
        plan.change_repository(options.repo);
        return plan.take();
    }

    void run(Session& session) override {
        const image::SkippedChecks skipped(skipped_.begin(), skipped_.end());
        image::check_names_of_checks(skipped);
        if (list_) {
            if (!target_.empty()) throw Error(ErrorKind::usage, "lint: --list needs no TARGET");
            session.print(list_of_checks(session.options.json));
            return;
        }
        if (target_.empty()) {
            throw Error(ErrorKind::usage, "lint: TARGET is missing")
                .hint("name an image, a ref or commit of the repository, or a directory");
        }
        if (!platform_.empty()) chosen_ = oci::Platform::parse(platform_);
        const LintReport report = lint(session, skipped);
        session.progress.end();
        session.print(session.options.json ? to_document(to_json(report)) : to_text(report));
        const bool is_fatal =
            report.count(image::Severity::error) > 0 || (fatal_warnings_ && !report.findings.empty());
        if (is_fatal) session.console.io().status = 1;
    }

  private:
    static std::vector<std::string_view> names_of_checks() {
        std::vector<std::string_view> out;
        for (const image::LintCheck& check : image::lint_checks()) out.push_back(check.name);
        return out;
    }

    LintReport lint(Session& session, const image::SkippedChecks& skipped) {
        if (oci::Reference::looks_like_image(target_)) {
            const oci::Reference reference = oci::Reference::parse(target_);
            const oci::Image image = registry::open_trusted_image(reference, chosen_, registry_.options());
            return image::lint_image(image, skipped, session.progress);
        }
        if (is_written_as_path(target_)) return lint_directory(skipped);
        const std::optional<ostree::Repository> repository = find_repository(session.options.repo);
        const std::optional<ostree::CommitId> commit =
            repository ? repository->resolve(target_) : std::optional<ostree::CommitId>();
        if (commit) return image::lint_commit(*repository, *commit, skipped, chosen_);
        std::error_code ignored;
        if (std::filesystem::is_directory(target_, ignored)) return lint_directory(skipped);
        const std::string message =
            concat(osb::quoted(target_), " is not an image, a commit of the repository ",
                   osb::quoted(session.options.repo), " or a directory");
        if (repository) throw ostree::revision_not_found(*repository, target_, message);
        throw Error(ErrorKind::not_found, message).hint("--repo selects the repository of a ref or commit");
    }

    LintReport lint_directory(const image::SkippedChecks& skipped) const {
        const image::DirectoryTree tree(target_);
        return image::lint({.tree = tree, .platform = chosen_, .version = std::nullopt, .dropped = {}},
                           skipped);
    }

    // nullopt if the directory has no repository.
    static std::optional<ostree::Repository> find_repository(const std::string& path) {
        try {
            return ostree::Repository::open(path);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            return std::nullopt;
        }
    }

    std::string target_;
    std::vector<std::string> skipped_;
    bool fatal_warnings_ = false;
    bool list_ = false;
    std::string platform_;
    std::optional<oci::Platform> chosen_;
    RegistryFlags registry_;
};

}  // namespace

constexpr auto kLintExamples = std::to_array<std::string_view>({
    "osb-oci lint containers-storage:localhost/os:1",
    "osb-oci lint --repo repo os/x86_64/main",
    "osb-oci lint --fatal-warnings --skip logs ./rootfs",
    "osb-oci lint --list",
});

const VerbEntry kLintVerb{
    .name = "lint",
    .summary = "Find what keeps an image from being a good bootable system",
    .description =
        "Checks an image, a commit of a repository or a directory with a root filesystem: kernel, initramfs, "
        "configuration, services, permissions, and files that do not belong in an image. Each finding is an "
        "error or a warning, and comes with a fix, which usually is a line for the Containerfile. The exit "
        "status is 1 if there is an error. Nothing is changed: an image is imported into a temporary "
        "repository.",
    .examples = kLintExamples,
    .related = {"import", "inspect", "install-to-disk", "boot-check"},
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<LintVerb>(); },
};

}  // namespace osb::cli

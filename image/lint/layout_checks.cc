// Checks of the tree as a whole: whether import can convert it, and what gets lost.
#include <array>
#include <map>
#include <string>

#include "base/escape.hh"
#include "base/numbers.hh"
#include "image/lint/checks.hh"
#include "image/lint/fix.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::image {
namespace {

void add_problems(std::string_view check, const LintContext& context, Findings& findings) {
    for (const LayoutProblem& problem : context.deployed().problems) {
        if (problem.check == check) findings.error(problem.path, problem.message, problem.fix);
    }
}

void check_usr_merge(const LintContext& context, Findings& findings) {
    add_problems("usr-merge", context, findings);
}

void check_tree_layout(const LintContext& context, Findings& findings) {
    add_problems("layout", context, findings);
    if (context.subject().source != LintSource::commit) return;
    if (!context.tree().is_laid_out()) {
        findings.error({}, "the commit is not laid out for ostree: it has /etc, or no /usr/etc",
                       "import the image with --layout bootable");
        return;
    }
    for (const char* name : {"sysroot", "boot", "var"}) {
        const LintEntry* const entry = context.tree().at(name);
        if (entry != nullptr && entry->kind == LintKind::directory) continue;
        findings.error(name, concat("the commit has no directory /", name, ", which ostree needs"),
                       "import the image with --layout bootable");
    }
}

void check_etc(const LintContext& context, Findings& findings) {
    const LintTree& tree = context.tree();
    std::size_t in_usr_etc = 0;
    for_each_below(tree, "usr/etc", [&](const std::string&, const LintEntry&) { ++in_usr_etc; });
    if (tree.at("etc") == nullptr || in_usr_etc == 0) return;
    constexpr std::string_view kFix = "RUN cp -a /usr/etc/. /etc/ && rm -r /usr/etc";
    if (context.subject().source == LintSource::commit) {
        findings.error("usr/etc", "the commit has both /etc and /usr/etc, so ostree refuses to deploy it",
                       std::string(kFix));
    } else {
        findings.warning("usr/etc", "the image has both /etc and /usr/etc; import merges them into one",
                         std::string(kFix));
    }
}

void check_root_directory(const LintContext& context, Findings& findings) {
    constexpr std::uint32_t kPublicBits = 0005;
    const LintEntry* const root = context.tree().at("");
    if (root == nullptr || (root->mode & kPublicBits) == kPublicBits) return;
    findings.known(
        Severity::warning, "/",
        concat("the root directory has the mode ", octal(root->mode), ", so only root can use the system"),
        "RUN chmod 755 /");
}

void check_names(const LintContext& context, Findings& findings) {
    for (const auto& [path, entry] : context.tree().entries()) {
        if (!is_utf8(base_name(path))) {
            findings.error(path, concat("ostree cannot store this name, which is not UTF-8: ", quoted(path)),
                           "rename the file in the Containerfile");
        } else if (path.size() > ostree::kMaxPath) {
            findings.error(path, concat("this path has more than ", ostree::kMaxPath, " bytes"),
                           "move the file up in the Containerfile");
        }
    }
}

bool is_filled_at_runtime(std::string_view path) {
    for (const std::string_view top : {"dev/", "proc/", "run/", "sys/", "tmp/"}) {
        if (path.starts_with(top)) return true;
    }
    return false;
}

void check_devices(const LintContext& context, Findings& findings) {
    const auto add = [&](const std::string& path) {
        if (is_filled_at_runtime(path)) return;
        findings.warning(path, "a device, FIFO or socket, which ostree cannot store: import drops it",
                         run_line("rm", '/' + path, "create it at each boot instead"));
    };
    for (const auto& [path, entry] : context.tree().entries()) {
        if (entry.kind == LintKind::special) add(path);
    }
    for (const std::string& path : context.subject().dropped) add(path);
}

void check_version(const LintContext& context, Findings& findings) {
    const std::optional<std::string>& version = context.subject().version;
    if (!version || !version->empty()) return;
    findings.warning({}, "the image has no version, so status and upgrade cannot show one",
                     "LABEL org.opencontainers.image.version=\"1\"");
}

constexpr std::array<LintCheck, 7> kLayoutChecks{{
    {"usr-merge", "two different files get the same place when /bin, /sbin and /lib move into /usr",
     check_usr_merge},
    {"layout", "the tree cannot get the layout that ostree deploys, or a commit does not have it",
     check_tree_layout},
    {"etc", "both /etc and /usr/etc have files", check_etc},
    {"root-directory", "the mode of the root directory locks out all users but root", check_root_directory},
    {"names", "ostree cannot store the name of a file", check_names},
    {"devices", "ostree drops devices, FIFOs and sockets", check_devices},
    {"version", "the image has no version", check_version},
}};

}  // namespace

std::span<const LintCheck> layout_checks() {
    return kLayoutChecks;
}

}  // namespace osb::image

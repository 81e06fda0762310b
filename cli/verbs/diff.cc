// osb-oci diff: compares two systems, or /etc with its image.
#include <unistd.h>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/diff_report.hh"
#include "cli/reports/etc_report.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "system/deploy/deployment_name.hh"
#include "system/diff/diff.hh"
#include "system/diff/merge_target.hh"
#include "system/etc/etc_changes.hh"

namespace osb::cli {
namespace {

constexpr const char* kOperandHelp =
    "image; deployment: booted, staged, pending, rollback or its number in 'osb-oci status'; else ref or "
    "commit";

// No argument has this value.
constexpr std::string_view kNotGiven("\0", 1);

// Returns true if this machine runs a deployment.
bool runs_deployment() {
    return ::access("/run/ostree-booted", F_OK) == 0;
}

bool is_standard_input(const std::string& operand) {
    if (system::kind_of_operand(operand) != system::OperandKind::image) return false;
    return oci::Reference::parse(operand).location == "-";
}

class DiffVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "A",
             .kind = ValueKind::diff_operand,
             .help = kOperandHelp,
             .offered = {"booted", "pending", "rollback"},
             .target = &a_},
            {.name = "B",
             .kind = ValueKind::diff_operand,
             .help = "likewise; the result says how to get from A to B",
             .offered = {"booted", "pending", "rollback"},
             .target = &b_},
            {.name = "--files", .help = "also list each path that differs", .target = &files_},
            {.name = "--etc",
             .help = "show the changes of this machine to /etc of the deployment A, and what the next merge "
                     "does with each",
             .excludes = {"B", "--files", "--repo", "--platform", "--jobs"},
             .target = &etc_},
            {.name = "--repo",
             .value = "DIR",
             .kind = ValueKind::directory,
             .help = "ostree repository of refs and commits",
             .default_shown = "that of --sysroot; else $OSB_REPO; else that of the running system; else "
                              "./ostree-repo",
             .target = &repo_},
            platform_argument(platform_),
            jobs_argument(jobs_),
        });
        sysroot_.declare(arguments);
        registry_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& io) const override {
        image::SandboxPlan plan;
        plan.read_image(a_);
        plan.read_image(b_);
        plan.change_repository(find_repository(io));
        plan.change_repository(sysroot_.sysroot + "/ostree/repo");
        return plan.take();
    }

    void run(Session& session) override {
        if (etc_) return show_etc(session);
        if (a_.empty() || b_.empty()) throw Error(ErrorKind::usage, "diff: A and B are required");
        if (is_standard_input(a_) && is_standard_input(b_)) {
            throw Error(ErrorKind::usage, "diff: only one of A and B can be standard input");
        }
        const system::DiffPlaces places = find_places(session);
        const system::SystemDiff diff = system::diff_systems(a_, b_, places, session.progress);
        session.progress.end();
        session.print(session.options.json ? diff_document(a_, b_, diff) : describe_diff(diff, files_));
    }

  private:
    system::DiffPlaces find_places(const Session& session) const {
        // A script's unset variable must not select another repository.
        if (repo_.empty()) throw Error(ErrorKind::usage, "diff: --repo is empty");
        system::DiffPlaces out{.repository = find_repository(session.console.io()),
                               .open_sysroot = [this] { return sysroot_.open(); },
                               .platform = std::nullopt,
                               .registry = registry_.options(),
                               .jobs = jobs_};
        if (!platform_.empty()) out.platform = oci::Platform::parse(platform_);
        return out;
    }

    // "" for the repository of the sysroot.
    std::string find_repository(const Io& io) const {
        if (repo_ != kNotGiven) return repo_;
        if (sysroot_.sysroot != "/") return "";
        std::string from_environment = io.environment("OSB_REPO").value_or("");
        if (!from_environment.empty()) return from_environment;
        return runs_deployment() ? "" : "./ostree-repo";
    }

    void show_etc(Session& session) const {
        if (!a_.empty() && system::kind_of_operand(a_) == system::OperandKind::image) {
            throw Error(ErrorKind::usage, concat("diff --etc: not a deployment: ", osb::quoted(a_)));
        }
        const ostree::Sysroot sysroot = sysroot_.open();
        const ostree::Deployment deployment = system::find_deployment(sysroot, a_);
        const EtcReportSubject subject{
            .sysroot = sysroot, .deployment = deployment, .next = system::merge_target(sysroot, deployment)};
        const auto next = subject.next ? std::optional(subject.next->id) : std::nullopt;
        const system::EtcChanges changes = system::etc_changes(sysroot, deployment.id, next);
        session.print(session.options.json ? etc_document(subject, changes) : describe_etc(subject, changes));
    }

    std::string a_;
    std::string b_;
    std::string repo_ = std::string(kNotGiven);
    std::string platform_;
    unsigned jobs_ = 0;
    bool files_ = false;
    bool etc_ = false;
    SysrootFlags sysroot_;
    RegistryFlags registry_;
};

}  // namespace

constexpr auto kDiffExamples = std::to_array<std::string_view>({
    "osb-oci diff oci:build/image:v1 oci:build/image:v2",
    "osb-oci diff booted pending",
    "osb-oci diff --files rollback booted",
    "osb-oci diff --json --repo repo os/x86_64/main docker://registry.example/os:2 | jq .packages",
    "osb-oci diff --etc",
});

const VerbEntry kDiffVerb{
    .name = "diff",
    .summary = "Compare two images, commits or deployments",
    .description =
        "Shows the Alpine packages, and the numbers and sizes of files, that differ between A and B. A name "
        "that starts with a transport is an image. Otherwise booted, staged, pending, rollback, a number of "
        "up to three digits and COMMIT.SERIAL are deployments, and everything else is a ref or a commit of "
        "the repository; give the commit of a ref whose name is also one of these. Images are imported into "
        "a temporary repository, and your repository does not change. --etc compares /etc of a deployment, "
        "by default the booted one, with its image. The exit status is 0 whether there are differences or "
        "not.",
    .examples = kDiffExamples,
    .related = {"inspect", "status", "upgrade", "import"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<DiffVerb>(); },
};

}  // namespace osb::cli

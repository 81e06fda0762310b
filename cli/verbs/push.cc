// osb-oci push: sends a commit to a registry or to an archive repository.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/options/export_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "ostree/push/archive_push.hh"

namespace osb::cli {
namespace {

OrderedJson to_json(const std::string& destination, const ostree::ArchivePushResult& result) {
    OrderedJson deltas = OrderedJson::array();
    for (const ostree::CommitId& from : result.deltas) deltas.push_back({{"from", from}});
    return {{"schema", 1},
            {"commit", result.commit},
            {"repository", destination},
            {"ref", result.ref},
            {"ref_commit", json_text(result.destination)},
            {"unchanged", result.unchanged},
            {"commits", result.commits},
            {"objects_sent", result.objects_sent},
            {"objects_present", result.objects_present},
            {"bytes_sent", result.bytes_sent},
            {"deltas", deltas},
            {"deltas_pruned", result.deltas_pruned}};
}

std::string summary(const ostree::ArchivePushResult& result) {
    if (result.unchanged) return concat("ref ", result.ref, " already names this commit: nothing was sent");
    return concat("ref ", result.ref, ": sent ", format_count(result.commits, "commit"), ", ",
                  format_count(result.objects_sent, "object"), ", ", format_bytes(result.bytes_sent), " (",
                  result.objects_present, " objects were present)");
}

class PushVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        constexpr std::string_view kGroup = "Archive repositories (file://, ssh://)";
        arguments.add({
            rev_argument(rev_),
            {.name = "DEST",
             .kind = ValueKind::push_target,
             .help = "docker://HOST/NAME[:TAG], file:///DIR or ssh://[USER@]HOST[:PORT]/DIR",
             .required = true,
             .target = &destination_},
            {.name = "--ref",
             .value = "REF",
             .kind = ValueKind::revision,
             .help = "ref to update at the destination",
             .default_shown = "the ref that REV names",
             .group = kGroup,
             .target = &ref_},
            {.name = "--force",
             .help = "update the ref even if it would lose commits",
             .group = kGroup,
             .target = &archive_.force},
        });
        deltas_.declare(arguments);
        flags_.declare(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& options, const Io& io) const override {
        image::SandboxPlan plan;
        plan.change_repository(options.repo);
        if (destination_.starts_with("file:")) {
            plan.push_to_directory(destination_);
            for (const std::string& from : deltas_.from) plan.read_image(from);
        } else if (destination_.starts_with("ssh:")) {
            plan.push_over_ssh(destination_, may_ask(options, io));
        } else {
            flags_.plan(plan, destination_, &deltas_);
        }
        return plan.take();
    }

    void run(Session& session) override {
        if (destination_.starts_with("file:") || destination_.starts_with("ssh:")) {
            push_to_archive(session);
            return;
        }
        const oci::Reference target = oci::Reference::parse(destination_);
        if (target.transport != oci::Transport::docker) {
            throw Error(ErrorKind::usage, concat("push: ", quoted(destination_), " is not a registry"))
                .hint("use 'osb-oci export' to write images to files and directories");
        }
        if (!ref_.empty() || archive_.force)
            throw Error(ErrorKind::usage, "push: --ref and --force are for file:// and ssh://");
        flags_.run(session, rev_, target, &deltas_);
    }

  private:
    // True if ssh may ask on the terminal.
    static bool may_ask(const CommonOptions& options, const Io& io) {
        return io.err_is_terminal && !options.json;
    }

    void push_to_archive(const Session& session) {
        if (flags_.given()) {
            throw Error(ErrorKind::usage, "push: an archive repository stores the commit unchanged")
                .hint("options of images and registries are for docker://");
        }
        const ostree::Repository repository = ostree::Repository::open(session.options.repo);
        archive_.jobs = flags_.jobs();
        take_deltas(repository);
        archive_.ssh_may_ask = may_ask(session.options, session.console.io());
        if (!ref_.empty()) archive_.ref = ostree::RefName::parse(ref_);
        const ostree::ArchivePushResult result =
            destination_.starts_with("file:")
                ? push_to_directory(repository, rev_, ostree::parse_file_url(destination_), archive_,
                                    session.progress)
                : push_over_ssh(repository, rev_, ostree::SshTarget::parse(destination_), archive_,
                                session.progress);
        session.progress.end();
        session.note(summary(result));
        for (const ostree::CommitId& from : result.deltas)
            session.note(concat("delta from ", from.short_text()));
        if (result.deltas_pruned > 0)
            session.note(concat("removed ", format_count(result.deltas_pruned, "delta")));
        session.print(session.options.json ? to_document(to_json(destination_, result))
                                           : concat(result.commit, '\n'));
    }

    void take_deltas(const ostree::Repository& repository) {
        if (!deltas_.given()) return;
        if (!destination_.starts_with("file:")) {
            throw Error(ErrorKind::usage,
                        "push: the server of ssh:// writes other commits, which deltas do not fit")
                .hint("make deltas there, with 'ostree static-delta generate'");
        }
        archive_.delta_from = deltas_.commits(repository, rev_, {}, {});
        archive_.delta_last = deltas_.last;
        archive_.prune_deltas = deltas_.prune;
    }

    std::string rev_;
    std::string destination_;
    std::string ref_;
    ostree::ArchivePushOptions archive_;
    DeltaFlags deltas_;
    ExportFlags flags_;
};

}  // namespace

constexpr auto kPushExamples = std::to_array<std::string_view>({
    "osb-oci push --repo repo os/x86_64/main docker://registry.example.com/os:v2",
    "osb-oci push --creds user:password os/x86_64/main docker://registry.example.com/os",
    "osb-oci push --repo repo --delta-last 3 --prune-deltas os/x86_64/main docker://registry.example.com/os",
    "osb-oci push --repo repo os/x86_64/main file:///srv/repo",
    "osb-oci push --repo repo os/x86_64/main ssh://push@example.com:22/srv/repo",
});

const VerbEntry kPushVerb{
    .name = "push",
    .summary = "Push a commit to a registry or to an archive repository",
    .description =
        "Sends a commit as an image to a registry (docker://), or with its history to an ostree "
        "repository in archive mode (file://, ssh://). Blobs and objects that the destination already "
        "has are not sent. Any web server can serve an archive repository to ostree clients. Its ref "
        "only moves to a descendant of the commit that it names, unless you give --force. With --delta-from "
        "or --delta-last, differences from earlier commits are made, too: upgrades and pulls from a "
        "registry take one if it is smaller than what they would fetch without it, and ostree clients "
        "of an archive repository do so, too.",
    .examples = kPushExamples,
    .related = {"export", "pull"},
    .uses_repository = true,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PushVerb>(); },
};

}  // namespace osb::cli

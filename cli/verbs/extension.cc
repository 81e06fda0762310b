// osb-oci extension: adds, removes and lists extensions of /usr.
#include "system/extension/extension.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/reports/extension_report.hh"
#include "oci/documents/reference.hh"
#include "system/extension/usr_overlay.hh"

namespace osb::cli {
namespace {

class ExtensionVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "ACTION",
             .help =
                 "add IMAGE, remove NAME, list, or merge (what the service osb-extensions runs at a boot)",
             .default_shown = "list",
             .allowed = {"add", "remove", "list", "merge"},
             .target = &action_},
            {.name = "OPERAND", .help = "the image to add, or the name to remove", .target = &operand_},
            {.name = "--name",
             .value = "NAME",
             .help = "name of the added extension",
             .default_shown = "that of its extension-release file",
             .target = &add_.name},
            {.name = "--force",
             .help = "add it even if it does not fit, and merge it with every later system, too",
             .target = &add_.force},
            jobs_argument(add_.jobs),
        });
        sysroot_.declare(arguments);
        registry_.declare(arguments);
    }

    bool calls_in_sandbox() const override { return action_ == "add"; }

    void run(Session& session) override {
        check_operand();
        if (action_ == "list") return list(session);
        // Opening the sysroot for changes enters another namespace.
        const system::MountNamespace where = system::MountNamespace::current();
        ostree::Sysroot sysroot = sysroot_.open_locked();
        if (action_ == "add") return add(session, sysroot, where);
        if (action_ == "remove") return remove(session, sysroot, where);
        merge(session, sysroot, where);
    }

  private:
    void check_operand() const {
        const bool needs_operand = action_ == "add" || action_ == "remove";
        if (needs_operand && operand_.empty()) {
            throw Error(ErrorKind::usage, action_ == "add" ? "'extension add' requires an image"
                                                           : "'extension remove' requires a name");
        }
        if (!needs_operand && !operand_.empty()) {
            throw Error(ErrorKind::usage,
                        concat("'extension ", action_, "' accepts no operand: ", osb::quoted(operand_)));
        }
        if (action_ != "add" && (!add_.name.empty() || add_.force))
            throw Error(ErrorKind::usage, "--name and --force are options of 'extension add'");
    }

    void add(Session& session, ostree::Sysroot& sysroot, const system::MountNamespace& where) const {
        system::AddOptions options = add_;
        options.image = oci::Reference::parse(operand_).to_string();
        options.registry = registry_.options();
        options.sandbox = session.sandbox();
        const system::AddReport report = system::add_extension(sysroot, where, options, session.progress);
        session.progress.end();
        for (const std::string& note : report.notes) session.note(note);
        if (!report.unfit.empty()) log_warning(concat("it does not fit this system: ", report.unfit));
        session.print(session.options.json ? added_document(report) : describe_added(report));
    }

    void remove(Session& session, ostree::Sysroot& sysroot, const system::MountNamespace& where) const {
        const system::RemoveReport report = system::remove_extension(sysroot, where, operand_);
        session.print(session.options.json ? removed_document(report) : describe_removed(report));
    }

    static void merge(Session& session, const ostree::Sysroot& sysroot, const system::MountNamespace& where) {
        const system::MergeReport report = system::merge_extensions(sysroot, where);
        system::remove_old_usr_changes();
        for (const system::UnfitExtension& one : report.left_out)
            log_warning(concat("the extension ", osb::quoted(one.name), " is not merged: ", one.reason));
        session.print(session.options.json ? merged_document(report) : describe_merged(report));
    }

    void list(Session& session) const {
        const auto extensions = system::read_extension_status(sysroot_.open());
        session.print(session.options.json ? extensions_document(extensions)
                                           : describe_extensions(extensions));
    }

    std::string action_ = "list";
    std::string operand_;
    system::AddOptions add_;
    SysrootFlags sysroot_;
    RegistryFlags registry_;
};

}  // namespace

constexpr auto kExtensionExamples = std::to_array<std::string_view>({
    "osb-oci extension add docker://registry.example/tools:1",
    "osb-oci extension list",
    "osb-oci extension remove tools",
    "osb-oci extension add --sysroot /mnt oci:/media/usb/tools",
});

const VerbEntry kExtensionVerb{
    .name = "extension",
    .summary = "Merge extension images over /usr",
    .description =
        "Adds an image whose /usr is merged over the read-only /usr of the system, for example with "
        "debugging tools. The running system has it at once, and every restart keeps it. An extension "
        "states the systems that it fits in its extension-release file, as for systemd-sysext. One that "
        "does not fit is refused, and is left out after an upgrade. The kernel argument "
        "osb.extensions=0 leaves all of them out of one boot.",
    .examples = kExtensionExamples,
    .related = {"usr-overlay", "status", "upgrade"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<ExtensionVerb>(); },
};

}  // namespace osb::cli

// osb-oci kargs: shows and changes the kernel arguments of the system.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/deployment_report.hh"
#include "system/deploy/deploy_arguments.hh"
#include "system/origin/kernel_arguments.hh"

namespace osb::cli {
namespace {

using Words = std::vector<std::string>;

std::string one_line(const Words& arguments) {
    std::string out;
    for (const std::string& argument : arguments) out += concat(out.empty() ? "" : " ", escape(argument));
    return out + '\n';
}

Argument edit_argument(std::string_view name, Words& edits, std::string_view help) {
    return {.name = name, .value = "ARG", .help = help, .target = &edits};
}

class KargsVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            edit_argument("--append", edits_.append, "add KEY or KEY=VALUE at the end"),
            edit_argument("--append-if-missing", edits_.append_if_missing,
                          "add it unless the same argument is present"),
            edit_argument("--delete", edits_.remove, "remove KEY, or KEY=VALUE if there are several"),
            edit_argument("--replace", edits_.replace,
                          "replace a value: KEY=NEW, or KEY=OLD=NEW if there are several"),
        });
        sysroot_.declare(arguments);
    }

    void run(Session& session) override {
        if (edits_.empty()) return show(session, sysroot_.open());
        ostree::Sysroot sysroot = sysroot_.open_locked();
        const ostree::Deployment base = system::arguments_base(sysroot, system::roles_of(sysroot));
        const Words arguments = system::edit_kernel_arguments(base.kernel_options, edits_);
        if (arguments == base.kernel_options) {
            return print(session, arguments, deployment_to_json(sysroot, base), nullptr,
                         "nothing to change: the kernel arguments already are like that\n");
        }
        const system::DeployOutcome outcome = system::deploy_with_arguments(sysroot, arguments);
        const bool on_trial = outcome.result == system::DeployResult::on_trial;
        print(session, arguments, deployment_to_json(sysroot, outcome.deployment),
              on_trial ? "on_trial" : "default",
              on_trial
                  ? "the next boot tries these kernel arguments; the present ones stay the default until it "
                    "has passed its checks\n"
                  : "the next boot starts with these kernel arguments\n");
    }

  private:
    static void show(const Session& session, const ostree::Sysroot& sysroot) {
        const ostree::Deployment base = system::arguments_base(sysroot, system::roles_of(sysroot));
        print(session, base.kernel_options, deployment_to_json(sysroot, base), nullptr, "");
    }

    // The arguments are the result, and the report of the change is a remark.
    static void print(const Session& session, const Words& arguments, const OrderedJson& deployment,
                      const char* result, const char* remark) {
        if (session.options.json) {
            session.print(to_document({{"schema", 1},
                                       {"kernel_arguments", arguments},
                                       {"changed", result != nullptr},
                                       {"deployment", deployment},
                                       {"result", result == nullptr ? OrderedJson(nullptr) : result}}));
            return;
        }
        session.print(one_line(arguments));
        session.print(remark);
    }

    SysrootFlags sysroot_;
    system::KernelArgumentEdits edits_;
};

}  // namespace

constexpr auto kKargsExamples = std::to_array<std::string_view>({
    "osb-oci kargs",
    "osb-oci kargs --append mitigations=auto --delete quiet",
    "osb-oci kargs --replace console=ttyS0=ttyS1",
});

const VerbEntry kKargsVerb{
    .name = "kargs",
    .summary = "Show or change the kernel arguments",
    .description =
        "Without options, prints the kernel arguments and needs no privileges. With options, deploys the "
        "same commit again with the changed arguments. The next boot tries them, and the old arguments "
        "remain as the rollback. Edits are applied in the order delete, replace, append. If an argument "
        "to delete or replace is missing, nothing is changed.",
    .examples = kKargsExamples,
    .related = {"status", "rollback", "upgrade"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<KargsVerb>(); },
};

}  // namespace osb::cli

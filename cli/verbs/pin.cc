// osb-oci pin, unpin: protects deployments from removal when newer ones are added.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/deployment_report.hh"
#include "system/deploy/deployment_name.hh"

namespace osb::cli {
namespace {

using ostree::Deployment;

class PinVerb final : public Verb {
  public:
    explicit PinVerb(bool pin) : pin_(pin) {}

    void declare(Arguments& arguments) override {
        arguments.add(
            {{.name = "DEPLOYMENT",
              .kind = ValueKind::deployment,
              .help = "number in 'osb-oci status', start of a commit, COMMIT.SERIAL, booted or rollback",
              .default_shown = "booted",
              .offered = {"booted", "rollback"},
              .target = &deployment_}});
        sysroot_.declare(arguments);
    }

    void run(Session& session) override {
        ostree::Sysroot sysroot = sysroot_.open_locked();
        const Deployment chosen = system::find_deployment(sysroot, deployment_);
        if (chosen.staged) {
            throw Error(ErrorKind::refused, concat("deployment ", chosen.id.short_text(), " is only staged"))
                .code("staged")
                .hint("it can be pinned after the next boot");
        }
        const bool changed = chosen.pinned != pin_;
        if (changed) sysroot.set_pinned(chosen, pin_);
        if (session.options.json) {
            session.print(to_document({{"schema", 1},
                                       {"deployment", deployment_to_json(sysroot, chosen)},
                                       {"pinned", pin_},
                                       {"changed", changed}}));
            return;
        }
        session.print(concat(name_of(sysroot, chosen), changed ? " is " : " was ",
                             pin_ ? "pinned" : "not pinned", changed ? " now\n" : " already\n"));
    }

  private:
    bool pin_;
    std::string deployment_;
    SysrootFlags sysroot_;
};

}  // namespace

constexpr auto kPinExamples = std::to_array<std::string_view>({
    "osb-oci pin",
    "osb-oci pin rollback",
    "osb-oci pin 2",
});

const VerbEntry kPinVerb{
    .name = "pin",
    .summary = "Protect a deployment from being removed",
    .description =
        "Keeps a deployment until you unpin it, however many deployments follow. Without an argument it "
        "pins the booted deployment. The pin is the same as that of 'ostree admin pin'.",
    .examples = kPinExamples,
    .related = {"unpin", "status", "cleanup"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PinVerb>(true); },
};

constexpr auto kUnpinExamples = std::to_array<std::string_view>({
    "osb-oci unpin",
    "osb-oci unpin 9f86d081884c",
});

const VerbEntry kUnpinVerb{
    .name = "unpin",
    .summary = "Stop protecting a pinned deployment",
    .description =
        "Removes the pin of a deployment. Without an argument it unpins the booted deployment. A "
        "deployment without a pin or another role is removed by the next deployment, or by 'osb-oci "
        "cleanup'.",
    .examples = kUnpinExamples,
    .related = {"pin", "status", "cleanup"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<PinVerb>(false); },
};

}  // namespace osb::cli

// osb-oci pin, unpin: protects deployments from removal when newer ones are added.
#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/reports/deployment_report.hh"
#include "system/deploy/deploy.hh"

namespace osb::cli {
namespace {

using ostree::Deployment;

constexpr const char* kStatusHint = "'osb-oci status' lists the deployments";

Deployment required(const std::optional<Deployment>& deployment, std::string_view what) {
    if (deployment) return *deployment;
    throw Error(ErrorKind::not_found, concat("there is no ", what, " deployment")).hint(kStatusHint);
}

// The index in the list, if the text is one; longer numbers are the start of a commit.
std::optional<std::size_t> index_of(std::string_view text) {
    constexpr std::size_t kMostDigits = 3;
    std::size_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (text.size() > kMostDigits || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return out;
}

Deployment find_by_id(const std::vector<Deployment>& all, const std::string& text) {
    constexpr std::size_t kLeastDigits = 4;
    std::vector<Deployment> found;
    for (const Deployment& deployment : all) {
        if (deployment.id.is_named_by(text)) found.push_back(deployment);
    }
    if (text.substr(0, text.find('.')).size() < kLeastDigits || found.empty()) {
        throw Error(ErrorKind::not_found, concat("there is no deployment ", osb::quoted(text)))
            .hint(kStatusHint);
    }
    if (found.size() > 1) {
        throw Error(ErrorKind::usage, concat(osb::quoted(text), " matches several deployments"))
            .hint("use its number in 'osb-oci status', or COMMIT.SERIAL");
    }
    return found.front();
}

Deployment choose(const ostree::Sysroot& sysroot, const std::string& text) {
    const system::Roles roles = system::roles_of(sysroot);
    // For a system that is not running, use the default deployment.
    if (text.empty()) return required(roles.current, "booted");
    if (text == "booted") return required(sysroot.booted(), "booted");
    if (text == "rollback") return required(roles.rollback, "rollback");
    const auto index = index_of(text);
    if (!index) return find_by_id(sysroot.deployments(), text);
    if (*index >= sysroot.deployments().size()) {
        throw Error(ErrorKind::not_found, concat("there is no deployment ", *index)).hint(kStatusHint);
    }
    return sysroot.deployments()[*index];
}

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
        const Deployment chosen = choose(sysroot, deployment_);
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

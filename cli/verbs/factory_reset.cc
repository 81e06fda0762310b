// osb-oci factory-reset: brings the machine back to the state in which it was installed.
#include "system/reset/factory_reset.hh"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/reports/deployment_report.hh"
#include "system/check/restart.hh"

namespace osb::cli {
namespace {

using system::DeployOutcome;
using system::DeployResult;
using system::KeptData;
using system::ResetPlan;

std::string listed(const std::vector<std::string>& names, std::string_view empty) {
    std::string out;
    for (const std::string& name : names) out += concat(out.empty() ? "" : ", ", name);
    return out.empty() ? std::string(empty) : out;
}

std::string describe_plan(const ostree::Sysroot& sysroot, const ResetPlan& plan) {
    std::string out;
    for (const KeptData& kept : plan.kept)
        out += concat("keeps    ", escape(kept.path.text()), " (", format_bytes(kept.size.bytes), ")\n");
    for (const std::string& path : plan.restored) out += concat("restores ", escape(path), '\n');
    for (const std::string& point : plan.left_alone)
        out += concat("leaves   ", escape(point), ", a filesystem of its own\n");
    for (const ostree::Deployment& one : plan.removed) {
        if (sysroot.find(one.id)) out += concat("removes  ", name_of(sysroot, one), '\n');
    }
    out += concat("logins   ", listed(plan.logins, "none"), '\n');
    return out;
}

OrderedJson plan_to_json(const ostree::Sysroot& sysroot, const ResetPlan& plan) {
    OrderedJson kept = OrderedJson::array();
    for (const KeptData& one : plan.kept)
        kept.push_back({{"path", json_text(one.path.text())}, {"bytes", one.size.bytes}});
    OrderedJson removed = OrderedJson::array();
    for (const ostree::Deployment& one : plan.removed) {
        if (sysroot.find(one.id)) removed.push_back(deployment_to_json(sysroot, one));
    }
    const auto texts = [](const std::vector<std::string>& list) {
        OrderedJson out = OrderedJson::array();
        for (const std::string& text : list) out.push_back(json_text(text));
        return out;
    };
    return {{"schema", 1},
            {"stateroot", plan.stateroot},
            {"kept", std::move(kept)},
            {"installation_recorded", plan.has_record},
            {"restored", texts(plan.restored)},
            {"logins", texts(plan.logins)},
            {"left_alone", texts(plan.left_alone)},
            {"removed_later", std::move(removed)}};
}

class FactoryResetVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            {.name = "--keep",
             .value = "PATH",
             .kind = ValueKind::file,
             .help = "carry over this file or directory below /etc or /var",
             .target = &options_.keep},
            {.name = "--check",
             .help = "show what would be kept, restored and removed; change nothing",
             .excludes = {"--apply"},
             .target = &check_},
            {.name = "--apply", .help = "restart into the fresh system now", .target = &apply_},
            {.name = "--allow-no-login",
             .help = "accept a fresh system in which no user has a password or a key",
             .target = &options_.allow_no_login},
        });
        sysroot_.declare(arguments);
    }

    void run(Session& session) override {
        if (check_) {
            const ostree::Sysroot sysroot = sysroot_.open();
            const ResetPlan plan = system::plan_reset(sysroot, options_);
            return print(session, sysroot, plan, nullptr);
        }
        ostree::Sysroot sysroot = sysroot_.open_locked();
        if (apply_) system::check_can_restart(sysroot);
        const system::ResetOutcome outcome = system::factory_reset(sysroot, options_);
        print(session, sysroot, outcome.plan, &outcome.deployed);
        if (apply_) system::restart_machine();
    }

  private:
    static void print(const Session& session, const ostree::Sysroot& sysroot, const ResetPlan& plan,
                      const DeployOutcome* deployed) {
        const bool on_trial = deployed != nullptr && deployed->result == DeployResult::on_trial;
        if (session.options.json) {
            OrderedJson out = plan_to_json(sysroot, plan);
            out["result"] = deployed == nullptr ? OrderedJson(nullptr) : on_trial ? "on_trial" : "default";
            out["deployment"] = deployed == nullptr ? OrderedJson(nullptr)
                                                    : deployment_to_json(sysroot, deployed->deployment);
            session.print(to_document(out));
            return;
        }
        session.print(describe_plan(sysroot, plan));
        if (deployed == nullptr) return;
        session.print(
            on_trial ? "the next boot tries the fresh system; when its checks have passed, the present "
                       "system and its data are removed. 'osb-oci rollback' cancels the reset before\n"
                     : "the next boot starts the fresh system; 'osb-oci boot-check' or 'osb-oci cleanup' "
                       "in it removes the present system and its data\n");
    }

    SysrootFlags sysroot_;
    system::ResetOptions options_;
    bool check_ = false;
    bool apply_ = false;
};

}  // namespace

constexpr auto kFactoryResetExamples = std::to_array<std::string_view>({
    "osb-oci factory-reset --check",
    "osb-oci factory-reset --apply",
    "osb-oci factory-reset --keep /etc/ssh --keep /var/lib/app",
});

const VerbEntry kFactoryResetVerb{
    .name = "factory-reset",
    .summary = "Reset the machine to the state of its installation",
    .description =
        "Deploys the running commit again with a fresh /etc and a fresh /var, and restores the settings that "
        "were made at the installation. The next boot tries this system. If its checks fail, the machine "
        "falls back to the present system, with its /etc and /var. When they have passed, the present system "
        "and its data are removed. Kernel arguments and the followed image stay. Host keys and the machine's "
        "id are new unless --keep names them.",
    .examples = kFactoryResetExamples,
    .related = {"rollback", "status", "boot-check", "install-to-disk"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<FactoryResetVerb>(); },
};

}  // namespace osb::cli

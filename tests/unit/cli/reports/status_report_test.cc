// What status tells of systems that no test can boot: made of data alone.
#include "cli/reports/status_report.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "cli/output/json_output.hh"
#include "cli/reports/metrics_report.hh"
#include "tests/support/contains.hh"

namespace osb::cli {
namespace {

using test::contains;

using system::DeploymentMatch;
using system::DeploymentStatus;
using system::FailedTrial;
using system::SystemStatus;
using system::Trial;
using system::TrialState;

constexpr std::int64_t kNow = 1'700'000'000;

DeploymentStatus deployment(char digit, const std::string& version) {
    DeploymentStatus out{.deployment = {.id = {.stateroot = "default",
                                               .commit = ostree::CommitId::parse(std::string(64, digit))},
                                        .kernel_options = {"root=LABEL=ROOT", "rw"}}};
    out.follows = "docker://quay.io/x/os:1";
    out.digest = "sha256:" + std::string(64, digit);
    out.version = version;
    out.built = kNow - 86400;
    out.deployed = kNow - 3600;
    return out;
}

Trial trial_of(const DeploymentStatus& one, TrialState state) {
    return {.id = "0123456789abcdef",
            .deployment = one.deployment.id,
            .subject = {.image = one.follows, .digest = one.digest, .version = one.version},
            .state = state,
            .time = kNow - 60};
}

// The first runs and is the default; the second is on trial; the third the rollback.
SystemStatus waiting() {
    SystemStatus out;
    out.trial_support.supported = true;
    out.deployments = {deployment('a', "1"), deployment('b', "2"), deployment('c', "0")};
    out.deployments[0].is_default = true;
    out.deployments[0].deployment.booted = true;
    out.deployments[1].on_trial = true;
    out.deployments[2].rollback = true;
    out.trial = trial_of(out.deployments[1], TrialState::armed);
    out.next_boot = 1;
    return out;
}

std::string described(const SystemStatus& status, bool colour = false) {
    return describe_status({.status = status, .check = std::nullopt, .now = kNow, .colour = colour});
}

OrderedJson as_json(const SystemStatus& status) {
    return OrderedJson::parse(status_document({.status = status, .check = std::nullopt, .now = kNow}));
}

TEST(DescribeStatus, ChangesOfEtcThatArePending) {
    SystemStatus status = waiting();
    EXPECT_FALSE(contains(described(status), "/etc"));
    EXPECT_EQ(as_json(status)["deployments"][1]["etc_pending"], false);
    status.deployments[1].etc = system::EtcState::pending;
    EXPECT_TRUE(contains(described(status), "     /etc     has changes that the shutdown merges into this"));
    EXPECT_EQ(as_json(status)["deployments"][1]["etc_pending"], true);
    EXPECT_EQ(as_json(status)["deployments"][1]["etc_edited"], false);
    status.deployments[1].etc = system::EtcState::edited;
    EXPECT_TRUE(contains(described(status), "     /etc     has changes that this deployment does not get"));
    EXPECT_EQ(as_json(status)["deployments"][1]["etc_pending"], true);
    EXPECT_EQ(as_json(status)["deployments"][1]["etc_edited"], true);
    status.deployments[1].etc = std::nullopt;
    EXPECT_FALSE(contains(described(status), "/etc"));
    EXPECT_TRUE(as_json(status)["deployments"][1]["etc_pending"].is_null());
}

TEST(DescribeStatus, ChangesAgainstTheRunningSystem) {
    const SystemStatus status = waiting();
    const std::string id = status.deployments[1].deployment.id.to_string();
    StatusView view{.status = status, .check = std::nullopt, .now = kNow};
    view.changes[id].against = status.deployments[0].deployment.id.to_string();
    view.changes[id].files = {.changed = 2, .bytes_added = 3, .bytes_removed = 1};
    view.changes[id].packages.changes = {{.name = "musl", .before = "1", .after = "2"}};
    EXPECT_TRUE(contains(describe_status(view),
                         "     changes  files: 0 added, 0 removed, 2 changed; 3 B added, 1 B removed\n"
                         "              packages: 0 added, 0 removed, 1 changed\n"
                         "                  musl  1 -> 2\n"))
        << describe_status(view);
    const OrderedJson json = OrderedJson::parse(status_document(view))["deployments"];
    EXPECT_TRUE(json[0]["changes"].is_null());
    EXPECT_EQ(json[1]["changes"]["files"]["changed"], 2);
    EXPECT_EQ(json[1]["changes"]["packages"]["changed"][0]["to"], "2");
    view.changes[id] = {.against = "x", .packages = {}, .files = {}, .problem = "it is damaged\x1b"};
    EXPECT_TRUE(contains(describe_status(view), "     changes  unknown (it is damaged\\x1b)\n"));
    const OrderedJson unknown = OrderedJson::parse(status_document(view))["deployments"][1]["changes"];
    EXPECT_TRUE(unknown["files"].is_null() && unknown["packages"].is_null());
    EXPECT_EQ(unknown["packages_unknown"], "it is damaged\x1b");
}

TEST(DescribeStatus, AGlanceTells) {
    EXPECT_EQ(described(waiting()),
              "* 0  booted\n"
              "     image    docker://quay.io/x/os:1\n"
              "     version  1, built 2023-11-13 22:13:20 UTC (1 day ago)\n"
              "     digest   sha256:aaaaaaaaaaaa\n"
              "     commit   aaaaaaaaaaaa.0, deployed 2023-11-14 21:13:20 UTC (1 hour ago)\n"
              "\n"
              "  1  tried at the next boot\n"
              "     image    docker://quay.io/x/os:1\n"
              "     version  2, built 2023-11-13 22:13:20 UTC (1 day ago)\n"
              "     digest   sha256:bbbbbbbbbbbb\n"
              "     commit   bbbbbbbbbbbb.0, deployed 2023-11-14 21:13:20 UTC (1 hour ago)\n"
              "\n"
              "  2  rollback\n"
              "     image    docker://quay.io/x/os:1\n"
              "     version  0, built 2023-11-13 22:13:20 UTC (1 day ago)\n"
              "     digest   sha256:cccccccccccc\n"
              "     commit   cccccccccccc.0, deployed 2023-11-14 21:13:20 UTC (1 hour ago)\n"
              "\n"
              "next boot  1, on trial: the default stays 0 until its checks pass\n");
}

TEST(DescribeStatus, ATrialThatRuns) {
    SystemStatus status = waiting();
    status.deployments[0].deployment.booted = false;
    status.deployments[1].deployment.booted = true;
    status.next_boot = 0;
    const std::string text = described(status);
    EXPECT_TRUE(contains(text, "  0  default\n")) << text;
    EXPECT_TRUE(contains(text, "* 1  booted, on trial\n")) << text;
    EXPECT_EQ(as_json(status)["trial"]["state"], "running");
}

TEST(DescribeStatus, ATrialThatTheBootloaderWasNotToldOf) {
    SystemStatus status = waiting();
    status.trial->state = TrialState::prepared;
    status.next_boot = 0;
    EXPECT_TRUE(contains(described(status), "  1  waits for its trial\n"));
    EXPECT_EQ(as_json(status)["trial"]["state"], "prepared");
    EXPECT_TRUE(contains(described(status), "next boot  0, the running system\n"));
}

TEST(DescribeStatus, ATrialWithoutItsDeploymentIsNone) {
    SystemStatus status = waiting();
    status.deployments.erase(status.deployments.begin() + 1);
    EXPECT_TRUE(as_json(status)["trial"].is_null());
}

TEST(DescribeStatus, WhyTheLastTrialFailed) {
    SystemStatus status = waiting();
    status.trial.reset();
    status.next_boot = 0;
    status.deployments[1].on_trial = false;
    status.deployments[1].failed = status.deployments[1].left_over = true;
    status.failed.push_back(
        {.deployment = status.deployments[1].deployment.id,
         .subject = {.image = "docker://quay.io/x/os:1", .digest = "sha256:bbbb", .version = "2"},
         .reason = "check 'db' failed: exit status 1",
         .time = kNow - 7200});
    // It happened before the present system was deployed.
    EXPECT_FALSE(contains(described(status), "failed, "));
    EXPECT_EQ(as_json(status)["failed_trials"].size(), 1U);
    status.failed.back().time = kNow - 600;
    const std::string text = described(status);
    EXPECT_TRUE(contains(text, "  1  failed its trial\n")) << text;
    EXPECT_TRUE(contains(text, "the last trial failed, 10 minutes ago: check 'db' failed: exit status 1\n"))
        << text;
    EXPECT_TRUE(contains(text, "it tried docker://quay.io/x/os:1 version '2' (sha256:bbbb)\n")) << text;
    EXPECT_TRUE(contains(text, "'osb-oci upgrade --force'")) << text;
    status.failed.back().subject = {};
    EXPECT_TRUE(contains(described(status), "it tried other kernel arguments"));
    EXPECT_TRUE(as_json(status)["failed_trials"][0]["image"].is_null());
    status.failed.back().is_id_reused = true;
    EXPECT_TRUE(as_json(status)["failed_trials"][0]["serial"].is_null());
}

TEST(DescribeStatus, ColoursOnlyWhereTheyAreWanted) {
    SystemStatus status = waiting();
    EXPECT_FALSE(contains(described(status), "\x1b"));
    EXPECT_TRUE(contains(described(status, true), "\x1b[1;33mtried at the next boot\x1b[0m"));
}

TEST(DescribeStatus, NothingFromOutsideIsPrintedRaw) {
    const std::string evil = "\x1b[31m\n* 9  booted";
    SystemStatus status = waiting();
    DeploymentStatus& one = status.deployments[0];
    one.follows = one.origin_problem = one.digest = one.version = one.remote = evil;
    one.signature = system::RequiredSignature::remote;
    status.failed.push_back({.deployment = one.deployment.id,
                             .subject = {.image = evil, .digest = evil, .version = evil},
                             .reason = evil,
                             .time = kNow});
    status.trial_support = {.supported = false, .reason = evil};
    const std::string text = described(status);
    EXPECT_FALSE(contains(text, "\x1b"));
    EXPECT_FALSE(contains(text, "\n* 9"));
    EXPECT_FALSE(contains(to_document(as_json(status)), "\x1b"));
}

TEST(DescribeStatus, NothingDeployed) {
    EXPECT_EQ(described({}), "nothing is deployed\n");
    EXPECT_TRUE(as_json({})["next_boot"].is_null());
    EXPECT_EQ(as_json({})["deployments"], OrderedJson::array());
}

// As https://prometheus.io/docs/instrumenting/exposition_formats/ has it: HELP, TYPE, value.
TEST(Metrics, AreInTheTextFormat) {
    SystemStatus status = waiting();
    status.failed.push_back({.deployment = status.deployments[0].deployment.id, .reason = "r", .time = kNow});
    const StatusView view{.status = status, .check = std::nullopt, .now = kNow};
    const std::string text =
        metrics_document(view, system::BootCheckSummary{.healthy = true, .time = kNow, .failure = {}});
    std::istringstream lines(text);
    std::set<std::string> names;
    std::size_t samples = 0;
    for (std::string line; std::getline(lines, line); ++samples) {
        static const std::regex kHelp("# HELP (osb_oci_[a-z_]+) [A-Z].*\\.");
        std::smatch match;
        ASSERT_TRUE(std::regex_match(line, match, kHelp)) << line;
        const std::string name = match[1];
        EXPECT_TRUE(names.insert(name).second) << name;
        ASSERT_TRUE(std::getline(lines, line));
        EXPECT_EQ(line, "# TYPE " + name + " gauge");
        ASSERT_TRUE(std::getline(lines, line));
        const std::regex sample(name + "(\\{([a-z]+=\"[^\"\\n]*\",?)+\\})? -?[0-9]+");
        EXPECT_TRUE(std::regex_match(line, sample)) << line;
    }
    EXPECT_EQ(samples, 12U);
    EXPECT_TRUE(contains(text, "osb_oci_deployments 3\n"));
    EXPECT_TRUE(contains(text, "osb_oci_trial_waiting 1\n"));
    EXPECT_TRUE(contains(text, "osb_oci_failed_trials 1\n"));
    EXPECT_TRUE(contains(text, "osb_oci_boot_check_healthy 1\n"));
    EXPECT_TRUE(contains(text, "image=\"docker://quay.io/x/os:1\",version=\"1\",commit=\"aaaa"));
}

TEST(Metrics, NothingFromOutsideBreaksALine) {
    SystemStatus status = waiting();
    status.deployments[0].follows = status.deployments[0].version = "a\"b\\c\nd\x1b";
    const std::string text =
        metrics_document({.status = status, .check = std::nullopt, .now = kNow}, std::nullopt);
    EXPECT_TRUE(contains(text, R"(version="a\"b\\x5cc\\x0ad\\x1b")")) << text;
    EXPECT_FALSE(contains(text, "boot_check"));
    EXPECT_FALSE(
        metrics_document({.status = SystemStatus{}, .check = std::nullopt, .now = kNow}, std::nullopt)
            .empty());
}

TEST(StatusToJson, EveryFactOfADeployment) {
    const OrderedJson json = as_json(waiting());
    EXPECT_EQ(json["schema"], 1);
    const OrderedJson& one = json["deployments"][1];
    EXPECT_EQ(one["id"], std::string(64, 'b') + ".0");
    EXPECT_EQ(one["manifest_digest"], "sha256:" + std::string(64, 'b'));
    EXPECT_EQ(one["built"], "2023-11-13T22:13:20Z");
    EXPECT_EQ(one["deployed"], "2023-11-14T21:13:20Z");
    EXPECT_EQ(one["kernel_arguments"], OrderedJson({"root=LABEL=ROOT", "rw"}));
    EXPECT_TRUE(one["on_trial"].get<bool>());
    EXPECT_FALSE(one["booted"].get<bool>());
    EXPECT_TRUE(one["origin_problem"].is_null());
    EXPECT_EQ(json["trial"]["state"], "armed");
    EXPECT_EQ(json["trial"]["time"], "2023-11-14T22:12:20Z");
    EXPECT_TRUE(json["trials_possible"].get<bool>());
    EXPECT_TRUE(json["check"].is_null());
}

TEST(StatusCheck, SaysWhatUpgradeWouldDo) {
    const SystemStatus status = waiting();
    system::UpdateCheck check;
    system::UpgradeFacts& facts = check.facts;
    facts.image = "docker://quay.io/x/os:1";
    facts.digest = "sha256:" + std::string(64, 'd');
    facts.present = {.version = "2", .time = static_cast<std::uint64_t>(kNow - 240)};
    facts.release = {.version = "3", .time = static_cast<std::uint64_t>(kNow - 120)};
    const auto state = [&](const std::string& name, bool upgrade, const std::string& words) {
        check.plan = plan_upgrade(facts, {});
        const StatusView view{.status = status, .check = check, .now = kNow};
        const OrderedJson json = OrderedJson::parse(status_document(view));
        EXPECT_EQ(json["check"]["state"], name);
        EXPECT_EQ(json["check"]["upgrade"], upgrade);
        EXPECT_TRUE(contains(describe_check(view), words)) << describe_check(view);
    };
    state("new", true,
          "is version '3' (sha256:dddddddddddd), built 2023-11-14 22:11:20 UTC (2 minutes ago) now");
    state("new", true, "'osb-oci upgrade' deploys it\n");
    facts.is_given_up = true;
    state("new", true, "you left it with 'osb-oci rollback'");
    facts.runs_on_trial = true;
    state("new", false, "when the running system has passed its trial\n");
    facts.runs_on_trial = facts.is_given_up = false;
    facts.release->version = "1";
    state("older", false, "--allow-downgrade");
    facts.failed = FailedTrial{
        .deployment = status.deployments[0].deployment.id, .reason = "it hung", .time = kNow - 86400};
    state("failed_before", false, "it failed its trial 1 day ago: it hung\n");
    facts.match = DeploymentMatch::next_on_trial;
    state("next_on_trial", false, "the next boot tries it\n");
    facts.trial_is_prepared = true;
    state("prepared", true, "'osb-oci upgrade' makes the next boot try it\n");
    facts.match = DeploymentMatch::next_default;
    state("next_default", false, "the next boot starts it\n");
    facts.match = DeploymentMatch::current;
    state("current", false, "nothing new\n");
    EXPECT_EQ(describe_check({.status = status, .check = std::nullopt, .now = kNow}), "");
}

TEST(FormatAge, InTheLargestUnit) {
    EXPECT_EQ(format_age(100, 100), "just now");
    EXPECT_EQ(format_age(100, 159), "just now");
    EXPECT_EQ(format_age(100, 160), "1 minute ago");
    EXPECT_EQ(format_age(100, 100 + 7199), "1 hour ago");
    EXPECT_EQ(format_age(0, 86400LL * 6), "6 days ago");
    EXPECT_EQ(format_age(0, 86400LL * 20), "2 weeks ago");
    EXPECT_EQ(format_age(0, 86400LL * 365 * 3), "2 years ago");
    EXPECT_EQ(format_age(7300, 100), "in 2 hours");
    // No overflow, whatever a file says.
    EXPECT_FALSE(format_age(INT64_MIN, INT64_MAX).empty());
    EXPECT_FALSE(format_age(INT64_MAX, INT64_MIN).empty());
}

TEST(StatusReport, AWritableUsrAndExtensionsOfTheCurrentSystem) {
    SystemStatus status = waiting();
    EXPECT_FALSE(contains(described(status), "extended"));
    EXPECT_EQ(as_json(status)["deployments"][0]["unlocked"], "none");
    status.deployments[0].deployment.usr = ostree::UsrState::development;
    const auto extension = [](const std::string& name, system::ExtensionState state, const char* reason) {
        return system::ExtensionStatus{.extension = {.name = name,
                                                     .commit = ostree::CommitId::parse(std::string(64, 'e')),
                                                     .release = {{"ID", "alpine"}}},
                                       .state = state,
                                       .reason = reason};
    };
    status.extensions = {extension("debug", system::ExtensionState::unfit, "it is for ID 'x'"),
                         extension("tools", system::ExtensionState::merged, "")};
    const std::string text = described(status);
    EXPECT_TRUE(contains(text, "     /usr     is writable until the restart\n")) << text;
    EXPECT_TRUE(contains(text, "     extended debug (not merged: it is for ID 'x'), tools\n")) << text;
    EXPECT_EQ(text.find("extended"), text.rfind("extended"));
    const OrderedJson json = as_json(status);
    EXPECT_EQ(json["deployments"][0]["unlocked"], "development");
    EXPECT_EQ(json["extensions"][0]["state"], "unfit");
    EXPECT_EQ(json["extensions"][0]["reason"], "it is for ID 'x'");
    EXPECT_EQ(json["extensions"][1]["state"], "merged");
    EXPECT_TRUE(json["extensions"][1]["reason"].is_null());
    EXPECT_TRUE(json["extensions_problem"].is_null());
    status.extensions.clear();
    status.extensions_problem = "extensions.json is damaged";
    EXPECT_TRUE(contains(described(status), "extended extensions.json is damaged\n"));
}

}  // namespace
}  // namespace osb::cli

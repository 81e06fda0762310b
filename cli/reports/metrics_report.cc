#include "cli/reports/metrics_report.hh"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::cli {
namespace {

using system::DeploymentStatus;

// A label's value: backslash, quote and line break are escaped.
std::string label_value(std::string_view text) {
    std::string out;
    for (const char c : escape(text)) {
        if (c == '\\' || c == '"') out += '\\';
        out += c;
    }
    return out;
}

class Metrics {
  public:
    // A gauge. `labels` is "" or {NAME="VALUE",...}.
    void add(std::string_view name, std::string_view help, std::int64_t value, std::string_view labels = {}) {
        text_ += concat("# HELP osb_oci_", name, ' ', help, "\n# TYPE osb_oci_", name, " gauge\nosb_oci_",
                        name, labels, ' ', value, '\n');
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

void add_current(Metrics& metrics, const DeploymentStatus& current) {
    const std::string labels = concat(
        "{image=\"", label_value(current.follows), "\",version=\"", label_value(current.version),
        "\",commit=\"", current.deployment.id.commit, "\",digest=\"", label_value(current.digest), "\"}");
    metrics.add("deployment_info",
                "The deployment that runs, or the default of a system that is not running.", 1, labels);
    if (current.built) {
        metrics.add("built_timestamp_seconds", "When the image of that deployment was built.",
                    static_cast<std::int64_t>(*current.built));
    }
    if (current.deployed) {
        metrics.add("deployed_timestamp_seconds", "When it was deployed.",
                    static_cast<std::int64_t>(*current.deployed));
    }
    metrics.add("running_on_trial", "Whether the running deployment is on trial.",
                current.on_trial && current.deployment.booted ? 1 : 0);
}

}  // namespace

std::string metrics_document(const StatusView& view, const std::optional<system::BootCheckSummary>& checked) {
    const system::SystemStatus& status = view.status;
    const auto has = [&](const auto& matches) {
        return std::any_of(status.deployments.begin(), status.deployments.end(), matches) ? 1 : 0;
    };
    Metrics metrics;
    if (const DeploymentStatus* current = status.current()) add_current(metrics, *current);
    metrics.add("deployments", "The number of deployments.",
                static_cast<std::int64_t>(status.deployments.size()));
    metrics.add("rollback_available", "Whether there is a proven deployment to roll back to.",
                has([](const DeploymentStatus& one) { return one.rollback; }));
    metrics.add("trial_waiting", "Whether a deployment waits for its trial.",
                has([](const DeploymentStatus& one) { return one.on_trial && !one.deployment.booted; }));
    metrics.add("trials_possible", "Whether new deployments are started on trial.",
                status.trial_support.supported ? 1 : 0);
    metrics.add("failed_trials", "The number of failed trials on record.",
                static_cast<std::int64_t>(status.failed.size()));
    if (!status.failed.empty()) {
        metrics.add("last_failed_trial_timestamp_seconds", "When the last trial failed.",
                    status.failed.back().time);
    }
    if (checked) {
        metrics.add("boot_check_healthy",
                    "Whether the last boot-check of this boot found the system healthy.",
                    checked->healthy ? 1 : 0);
        metrics.add("boot_check_timestamp_seconds", "When that boot-check ran.", checked->time);
    }
    if (view.check) {
        metrics.add("update_available", "Whether an upgrade would bring a new system.",
                    view.check->plan.is_work() ? 1 : 0);
    }
    return metrics.take();
}

}  // namespace osb::cli

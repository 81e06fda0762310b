// What `status --prometheus` prints: metrics in the text exposition format of Prometheus, version 0.0.4, for
// node_exporter's textfile collector.
#pragma once

#include <optional>
#include <string>

#include "cli/reports/status_report.hh"
#include "system/check/boot_check.hh"

namespace osb::cli {

// `checked` is the result of the last boot-check of this boot; nothing if it is not known. Text from outside
// is escaped.
std::string metrics_document(const StatusView& view, const std::optional<system::BootCheckSummary>& checked);

}  // namespace osb::cli

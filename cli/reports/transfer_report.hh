// What an import, a pull or an upgrade has transferred, or would transfer, as text and JSON.
#pragma once

#include <string>
#include <vector>

#include "cli/output/json_output.hh"
#include "ostree/import/fetch_plan.hh"

namespace osb::cli {

OrderedJson transfer_to_json(const ostree::Transfer& transfer);

// "read 1.2 MiB in 14 requests, by objects; whole layers have 45.6 MiB", without a line feed.
std::string describe_transfer(const ostree::Transfer& transfer);

// The ways of a plan, the chosen one first.
OrderedJson plan_to_json(const std::vector<ostree::PlannedWay>& plan);

// "1.2 MiB in 14 requests, by objects (whole layers have 45.6 MiB)".
std::string describe_plan(const std::vector<ostree::PlannedWay>& plan);

}  // namespace osb::cli

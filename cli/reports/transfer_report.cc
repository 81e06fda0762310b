#include "cli/reports/transfer_report.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/numbers.hh"
#include "cli/output/format.hh"

namespace osb::cli {

OrderedJson transfer_to_json(const ostree::Transfer& transfer) {
    return {{"way", transfer.way},
            {"bytes", transfer.bytes},
            {"requests", transfer.requests},
            {"layer_bytes", transfer.layer_bytes}};
}

std::string describe_transfer(const ostree::Transfer& transfer) {
    std::string out = concat("read ", format_bytes(transfer.bytes));
    if (transfer.requests > 0) out += concat(" in ", format_count(transfer.requests, "request"));
    if (transfer.way == "none" || transfer.way == "layers") return out;
    return concat(out, ", by ", transfer.way, "; whole layers have ", format_bytes(transfer.layer_bytes));
}

OrderedJson plan_to_json(const std::vector<ostree::PlannedWay>& plan) {
    OrderedJson out = OrderedJson::array();
    for (const ostree::PlannedWay& way : plan)
        out.push_back({{"way", way.way}, {"bytes", way.bytes}, {"requests", way.requests}});
    return out;
}

std::string describe_plan(const std::vector<ostree::PlannedWay>& plan) {
    if (plan.empty() || plan.front().way == "none") return "nothing";
    const ostree::PlannedWay& first = plan.front();
    std::string out = concat(format_bytes(first.bytes), " in ", format_count(first.requests, "request"),
                             ", by ", first.way);
    for (const ostree::PlannedWay& way : plan) {
        if (way.way == "layers" && first.way != "layers")
            out += concat(" (whole layers have ", format_bytes(way.bytes), ')');
    }
    return out;
}

}  // namespace osb::cli

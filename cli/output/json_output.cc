#include "cli/output/json_output.hh"

#include <nlohmann/json.hpp>

namespace osb::cli {
namespace {

std::string dump(const OrderedJson& json, int indent) {
    return json.dump(indent, ' ', true, OrderedJson::error_handler_t::replace);
}

}  // namespace

std::string to_document(const OrderedJson& json) {
    return dump(json, 2) + '\n';
}

std::string to_line(const OrderedJson& json) {
    return dump(json, -1);
}

OrderedJson json_text(const std::string& text) {
    return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson json_text(const std::optional<ostree::CommitId>& commit) {
    return commit ? OrderedJson(*commit) : OrderedJson(nullptr);
}

}  // namespace osb::cli

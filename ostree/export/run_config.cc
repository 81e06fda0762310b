#include "ostree/export/run_config.hh"

#include <nlohmann/json.hpp>

#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::ostree {
namespace {

std::vector<std::string> texts_at(const oci::Json& object, const char* key) {
    std::vector<std::string> out;
    const oci::Json& list = oci::member_or_null(object, key);
    if (!list.is_array()) return out;
    for (const oci::Json& item : list) {
        if (!item.is_string()) return {};
        out.push_back(item.get<std::string>());
    }
    return out;
}

}  // namespace

RunConfig parse_run_config(const std::string& text) {
    const oci::Json document = oci::parse_json(text, "config");
    RunConfig out;
    const oci::Json& config = oci::member_or_null(document, "config");
    out.entrypoint = texts_at(config, "Entrypoint");
    out.cmd = texts_at(config, "Cmd");
    out.environment = texts_at(config, "Env");
    out.working_directory = oci::text_or_empty(config, "WorkingDir");
    out.user = oci::text_or_empty(config, "User");
    const oci::Json& labels = oci::member_or_null(config, "Labels");
    if (!labels.is_object()) return out;
    for (const auto& [key, value] : labels.items()) {
        const bool is_of_form = key.starts_with("ostree.") || key == "containers.bootc";
        if (!is_of_form && value.is_string()) out.labels[key] = value.get<std::string>();
    }
    return out;
}

}  // namespace osb::ostree

#include "ostree/export/run_config.hh"

#include <nlohmann/json.hpp>

#include "oci/documents/json.hh"

namespace osb::ostree {
namespace {

std::string text_at(const oci::Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> texts_at(const oci::Json& object, const char* key) {
    std::vector<std::string> out;
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array()) return out;
    for (const oci::Json& item : *found) {
        if (!item.is_string()) return {};
        out.push_back(item.get<std::string>());
    }
    return out;
}

}  // namespace

RunConfig parse_run_config(const std::string& text) {
    const oci::Json document = oci::parse_json(text, "config");
    RunConfig out;
    const auto config = document.find("config");
    if (config == document.end() || !config->is_object()) return out;
    out.entrypoint = texts_at(*config, "Entrypoint");
    out.cmd = texts_at(*config, "Cmd");
    out.environment = texts_at(*config, "Env");
    out.working_directory = text_at(*config, "WorkingDir");
    out.user = text_at(*config, "User");
    const auto labels = config->find("Labels");
    if (labels == config->end() || !labels->is_object()) return out;
    for (const auto& [key, value] : labels->items()) {
        const bool is_of_form = key.starts_with("ostree.") || key == "containers.bootc";
        if (!is_of_form && value.is_string()) out.labels[key] = value.get<std::string>();
    }
    return out;
}

}  // namespace osb::ostree

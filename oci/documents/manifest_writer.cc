#include "oci/documents/manifest_writer.hh"

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

// Keeps members in insertion order.
using OrderedJson = nlohmann::ordered_json;

void require_utf8(std::string_view text) {
    if (!is_utf8(text)) throw Error(ErrorKind::invalid, concat("image: ", quoted(text), " is not UTF-8"));
}

OrderedJson text_json(const std::string& text) {
    require_utf8(text);
    return text;
}

OrderedJson texts_json(const std::vector<std::string>& texts) {
    OrderedJson out = OrderedJson::array();
    for (const std::string& text : texts) out.push_back(text_json(text));
    return out;
}

OrderedJson map_json(const std::map<std::string, std::string>& texts) {
    OrderedJson out = OrderedJson::object();
    for (const auto& [key, value] : texts) {
        require_utf8(key);
        out[key] = text_json(value);
    }
    return out;
}

void set_text(OrderedJson& object, const char* key, const std::string& text) {
    if (!text.empty()) object[key] = text_json(text);
}

void set_texts(OrderedJson& object, const char* key, const std::vector<std::string>& texts) {
    if (!texts.empty()) object[key] = texts_json(texts);
}

void set_map(OrderedJson& object, const char* key, const std::map<std::string, std::string>& texts) {
    if (!texts.empty()) object[key] = map_json(texts);
}

OrderedJson descriptor_json(const Descriptor& descriptor) {
    OrderedJson out;
    out["mediaType"] = text_json(descriptor.media_type);
    out["digest"] = descriptor.digest.to_string();
    out["size"] = descriptor.size;
    set_map(out, "annotations", descriptor.annotations);
    return out;
}

OrderedJson history_json(const HistoryEntry& entry) {
    OrderedJson out = OrderedJson::object();
    if (entry.created) out["created"] = format_rfc3339(*entry.created);
    set_text(out, "created_by", entry.created_by);
    set_text(out, "comment", entry.comment);
    if (entry.empty_layer) out["empty_layer"] = true;
    return out;
}

std::string finished(const OrderedJson& document) {
    std::string out = document.dump();
    if (out.size() > kMaxDocument) {
        throw Error(ErrorKind::too_large,
                    concat("image: a document of ", out.size(), " bytes; the limit is ", kMaxDocument));
    }
    return out;
}

std::string two_digits(std::int64_t value) {
    return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
}

}  // namespace

std::string format_rfc3339(std::int64_t seconds) {
    constexpr std::int64_t kYear0 = -62167219200;
    constexpr std::int64_t kYear10000 = 253402300800;
    if (seconds < kYear0 || seconds >= kYear10000) {
        throw Error(ErrorKind::invalid, concat("time ", seconds, " is outside the years 0 to 9999"));
    }
    constexpr std::int64_t kDay = 86400;
    const std::int64_t time = ((seconds % kDay) + kDay) % kDay;
    const auto days = static_cast<int>((seconds - time) / kDay);
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
    const int year = static_cast<int>(date.year());
    return concat(two_digits(year / 100), two_digits(year % 100), '-',
                  two_digits(static_cast<unsigned>(date.month())), '-',
                  two_digits(static_cast<unsigned>(date.day())), 'T', two_digits(time / 3600), ':',
                  two_digits(time / 60 % 60), ':', two_digits(time % 60), 'Z');
}

std::string write_config(const ConfigFields& fields) {
    if (fields.platform.os.empty() || fields.platform.architecture.empty()) {
        throw Error(ErrorKind::internal, "config: os and architecture are required");
    }
    OrderedJson config = OrderedJson::object();
    set_text(config, "User", fields.user);
    set_texts(config, "Env", fields.environment);
    set_texts(config, "Entrypoint", fields.entrypoint);
    set_texts(config, "Cmd", fields.cmd);
    set_text(config, "WorkingDir", fields.working_directory);
    set_map(config, "Labels", fields.labels);

    OrderedJson document;
    if (fields.created) document["created"] = format_rfc3339(*fields.created);
    document["architecture"] = text_json(fields.platform.architecture);
    set_text(document, "variant", fields.platform.variant);
    document["os"] = text_json(fields.platform.os);
    document["config"] = std::move(config);
    OrderedJson diff_ids = OrderedJson::array();
    for (const Digest& id : fields.diff_ids) diff_ids.push_back(id.to_string());
    document["rootfs"]["type"] = "layers";
    document["rootfs"]["diff_ids"] = std::move(diff_ids);
    if (!fields.history.empty()) {
        OrderedJson& history = document["history"] = OrderedJson::array();
        for (const HistoryEntry& entry : fields.history) history.push_back(history_json(entry));
    }
    return finished(document);
}

std::string write_manifest(const Descriptor& config, const std::vector<Descriptor>& layers,
                           const std::map<std::string, std::string>& annotations) {
    return write_artifact_manifest("", config, layers, std::nullopt, annotations);
}

std::string write_artifact_manifest(const std::string& artifact_type, const Descriptor& config,
                                    const std::vector<Descriptor>& layers,
                                    const std::optional<Descriptor>& subject,
                                    const std::map<std::string, std::string>& annotations) {
    OrderedJson document;
    document["schemaVersion"] = 2;
    document["mediaType"] = kMediaTypeManifest;
    set_text(document, "artifactType", artifact_type);
    document["config"] = descriptor_json(config);
    OrderedJson& list = document["layers"] = OrderedJson::array();
    for (const Descriptor& layer : layers) list.push_back(descriptor_json(layer));
    if (subject) document["subject"] = descriptor_json(*subject);
    set_map(document, "annotations", annotations);
    return finished(document);
}

Descriptor describe(std::string_view media_type, const std::string& document) {
    return {.media_type = std::string(media_type),
            .digest = Digest::of(as_bytes(document)),
            .size = document.size(),
            .annotations = {},
            .platform = {},
            .artifact_type = {}};
}

}  // namespace osb::oci

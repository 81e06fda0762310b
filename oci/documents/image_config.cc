#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/document_json.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {
namespace {

constexpr std::string_view kConfigName = "config";

// Parses a fixed-width decimal number and removes it from the front of text; nullopt if there is none.
std::optional<int> take_number(std::string_view& text, std::size_t width) {
    if (text.size() < width) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, width)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    text.remove_prefix(width);
    return value;
}

bool take_any(std::string_view& text, std::string_view characters) {
    if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
}

// Parses YYYY-MM-DD to days since 1970.
std::optional<std::int64_t> take_date(std::string_view& text) {
    const auto year = take_number(text, 4);
    if (!year || !take_any(text, "-")) return std::nullopt;
    const auto month = take_number(text, 2);
    if (!month || !take_any(text, "-")) return std::nullopt;
    const auto day = take_number(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

// Parses HH:MM to seconds, if both are in range.
std::optional<std::int64_t> take_hours_minutes(std::string_view& text) {
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take_any(text, ":")) return std::nullopt;
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    return *hour * 3600LL + *minute * 60LL;
}

// Parses HH:MM:SS[.FRACTION] to seconds and drops the fraction.
std::optional<std::int64_t> take_time(std::string_view& text) {
    const auto minutes = take_hours_minutes(text);
    if (!minutes || !take_any(text, ":")) return std::nullopt;
    const auto second = take_number(text, 2);
    if (!second || *second > 60) return std::nullopt;  // 60: a leap second
    if (take_any(text, ".")) {
        const std::size_t digits = text.find_first_not_of("0123456789");
        if (digits == 0 || text.empty()) return std::nullopt;
        text.remove_prefix(std::min(digits, text.size()));
    }
    return *minutes + *second;
}

// Parses "Z" or +HH:MM to seconds east of UTC.
std::optional<std::int64_t> take_zone(std::string_view& text) {
    if (take_any(text, "Zz")) return 0;
    const bool west = text.starts_with('-');
    if (!take_any(text, "+-")) return std::nullopt;
    const auto offset = take_hours_minutes(text);
    if (!offset) return std::nullopt;
    return west ? -*offset : *offset;
}

// Allows only the characters of such names, because they become part of refs and metadata. config.md requires
// os and architecture, but Go programs that build from nothing (crane append, kaniko FROM scratch) leave them
// empty.
std::string platform_part(const Json& document, const char* key) {
    std::string text = optional_string(document, key, kConfigName);
    const bool plain = text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
                       });
    if (!plain || text.starts_with('.')) {
        throw Error(ErrorKind::invalid, concat("config: '", key, "' is not a name: ", quoted(text)));
    }
    return text;
}

std::vector<Digest> parse_diff_ids(const Json& document) {
    const Json* rootfs = find_member(document, "rootfs");
    if (rootfs == nullptr || !rootfs->is_object()) {
        throw Error(ErrorKind::invalid, "config: 'rootfs' is not an object");
    }
    // podman and Docker do not read it.
    const std::string type = optional_string(*rootfs, "type", "config: rootfs");
    if (!type.empty() && type != "layers") {
        throw Error(ErrorKind::invalid,
                    concat("config: type of rootfs is ", quoted(type), ", expected 'layers'"));
    }
    std::vector<Digest> out;
    // Go programs write null here for an image without layers.
    if (find_member(*rootfs, "diff_ids") == nullptr) return out;
    for (const Json& id : required_array(*rootfs, "diff_ids", kMaxLayers, "config: rootfs")) {
        const auto context = [&out] { return concat("config: diff_id ", out.size() + 1); };
        if (!id.is_string()) throw Error(ErrorKind::invalid, context() + ": not a string");
        out.push_back(
            with_context(context, [&id] { return Digest::parse(id.get_ref<const std::string&>()); }));
    }
    return out;
}

std::map<std::string, std::string> parse_labels(const Json& document) {
    const Json* config = find_member(document, "config");
    if (config == nullptr) return {};
    if (!config->is_object()) throw Error(ErrorKind::invalid, "config: 'config' is not an object");
    return string_map(*config, "Labels", kConfigName);
}

}  // namespace

ImageConfig ImageConfig::parse(std::string raw) {
    const Json document = parse_document(raw, kConfigName);
    if (document.contains("manifests") || document.contains("layers")) {
        throw Error(ErrorKind::invalid, "config: is a manifest or an index");
    }
    ImageConfig out;
    out.platform = normalized({.os = platform_part(document, "os"),
                               .architecture = platform_part(document, "architecture"),
                               .variant = platform_part(document, "variant")});
    const Json* created = find_member(document, "created");
    if (created != nullptr && created->is_string()) {
        out.created = parse_rfc3339(created->get_ref<const std::string&>());
    }
    out.labels = parse_labels(document);
    out.diff_ids = parse_diff_ids(document);
    out.raw = std::move(raw);
    return out;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    const auto days = take_date(text);
    if (!days || !take_any(text, "Tt ")) return std::nullopt;
    const auto seconds = take_time(text);
    if (!seconds) return std::nullopt;
    const auto zone = take_zone(text);
    if (!zone || !text.empty()) return std::nullopt;
    const std::int64_t result = *days * 86400 + *seconds - *zone;
    constexpr std::int64_t kYear0 = -62167219200;
    constexpr std::int64_t kYear10000 = 253402300800;
    if (result < kYear0 || result >= kYear10000) return std::nullopt;
    return result;
}

}  // namespace osb::oci

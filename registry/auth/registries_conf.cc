#include "registry/auth/registries_conf.hh"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/toml.hh"
#include "registry/auth/configuration.hh"
#include "registry/auth/small_file.hh"

namespace osb::registry {
namespace {

using oci::Json;

constexpr std::size_t kMaxFile = 1024UL * 1024;

std::string without_slashes(std::string text) {
    while (text.ends_with('/')) text.pop_back();
    return text;
}

bool is_place(std::string_view text) {
    return text.find("://") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string place_of(const Json& table, const char* key, const std::string& file) {
    std::string out = without_slashes(oci::optional_string(table, key, quoted(file)));
    if (!is_place(out)) refuse(file, concat(quoted(key), " is not a name of a registry: ", quoted(out)));
    return out;
}

template<typename F>
void each_table(const Json& table, const char* key, const std::string& file, const F& f) {
    const Json* array = oci::find_member(table, key);
    if (array == nullptr) return;
    if (!array->is_array()) refuse(file, concat(quoted(key), " is not an array of tables"));
    for (const Json& element : *array) {
        if (!element.is_object()) refuse(file, concat(quoted(key), " is not an array of tables"));
        f(element);
    }
}

MirrorConfig parse_mirror(const Json& table, bool digest_only, const std::string& file) {
    MirrorConfig out{.location = place_of(table, "location", file),
                     .insecure = oci::optional_flag(table, "insecure", quoted(file)),
                     .pull = digest_only ? PullFromMirror::digest_only : PullFromMirror::all};
    if (out.location.empty()) refuse(file, "a mirror without a location");
    const std::string pull = oci::optional_string(table, "pull-from-mirror", quoted(file));
    if (pull.empty()) return out;
    if (digest_only) refuse(file, "both 'mirror-by-digest-only' and 'pull-from-mirror' are given");
    if (pull == "all") {
        out.pull = PullFromMirror::all;
    } else if (pull == "digest-only") {
        out.pull = PullFromMirror::digest_only;
    } else if (pull == "tag-only") {
        out.pull = PullFromMirror::tag_only;
    } else {
        refuse(file,
               concat("'pull-from-mirror' is ", quoted(pull), ", expected all, digest-only or tag-only"));
    }
    return out;
}

// References use the name docker.io, so the compared names must use it too.
std::string with_usual_host(const std::string& place) {
    for (const std::string_view alias : {"index.docker.io", "registry-1.docker.io"}) {
        const std::string_view rest = std::string_view(place).substr(std::min(alias.size(), place.size()));
        if (place.starts_with(alias) && (rest.empty() || rest.front() == '/'))
            return concat("docker.io", rest);
    }
    return place;
}

RegistryConfig parse_registry(const Json& table, const std::string& file) {
    RegistryConfig out{.prefix = place_of(table, "prefix", file),
                       .location = place_of(table, "location", file),
                       .insecure = oci::optional_flag(table, "insecure", quoted(file)),
                       .blocked = oci::optional_flag(table, "blocked", quoted(file)),
                       .mirrors = {}};
    if (out.prefix.empty()) out.prefix = out.location;
    if (out.prefix.empty()) refuse(file, "a registry without prefix and location");
    const bool wildcard = out.prefix.starts_with("*.");
    if (wildcard && out.prefix.find_first_of("/@:") != std::string::npos) {
        refuse(file, concat("a wildcard is only allowed for a host: ", quoted(out.prefix)));
    }
    if (!wildcard && out.prefix.find('*') != std::string::npos) {
        refuse(file, concat("a wildcard must be the first label: ", quoted(out.prefix)));
    }
    const bool digest_only = oci::optional_flag(table, "mirror-by-digest-only", quoted(file));
    each_table(table, "mirror", file,
               [&](const Json& mirror) { out.mirrors.push_back(parse_mirror(mirror, digest_only, file)); });
    return out;
}

// The names in [registries.KEY]. Malformed names are skipped with a warning.
std::vector<std::string> names_of_version_1(const Json& registries, const char* key,
                                            const std::string& file) {
    const Json* names = oci::find_member(oci::member_or_null(registries, key), "registries");
    std::vector<std::string> out;
    if (names == nullptr || !names->is_array()) return out;
    for (const Json& one : *names) {
        const std::string name = one.is_string() ? without_slashes(one.get<std::string>()) : std::string();
        if (is_place(name) && !name.empty()) {
            out.push_back(name);
        } else {
            log_warning(concat(quoted(file), ": [registries.", key,
                               "] contains something that is not a name of a registry"));
        }
    }
    return out;
}

// Version 1, which RHEL 7 and 8 wrote: [registries.insecure] and [registries.block]. [registries.search] is
// for short names, which are not resolved.
std::vector<RegistryConfig> parse_version_1(const Json& registries, const std::string& file) {
    std::vector<RegistryConfig> out;
    const auto entry = [&out](const std::string& name) -> RegistryConfig& {
        const auto found = std::find_if(out.begin(), out.end(),
                                        [&](const RegistryConfig& one) { return one.prefix == name; });
        if (found != out.end()) return *found;
        RegistryConfig one;
        one.prefix = one.location = name;
        return out.emplace_back(std::move(one));
    };
    for (const std::string& name : names_of_version_1(registries, "insecure", file)) {
        entry(name).insecure = true;
    }
    for (const std::string& name : names_of_version_1(registries, "block", file)) entry(name).blocked = true;
    return out;
}

std::vector<std::string> helpers_in(const Json& document, const std::string& file) {
    const Json* names = oci::find_member(document, "credential-helpers");
    std::vector<std::string> out;
    if (names == nullptr) return out;
    const auto is_name = [](const Json& one) { return one.is_string(); };
    if (!names->is_array() || !std::all_of(names->begin(), names->end(), is_name))
        refuse(file, "'credential-helpers' is not a list of names");
    for (const Json& one : *names) out.push_back(one.get<std::string>());
    return out;
}

bool matches(const std::string& prefix, std::string_view reference) {
    const std::size_t slash = std::min(reference.find('/'), reference.size());
    if (prefix.starts_with("*.")) {
        std::string_view host = reference.substr(0, slash);
        host = host.substr(0, host.find(':'));
        const std::string_view suffix = std::string_view(prefix).substr(1);
        return host.size() > suffix.size() && host.ends_with(suffix);
    }
    if (!reference.starts_with(prefix)) return false;
    if (reference.size() == prefix.size()) return true;
    const char next = reference[prefix.size()];
    // A host without a port does not match the host with a port.
    return next == '/' || next == '@' || (next == ':' && prefix.size() > slash);
}

std::string rewritten(const std::string& name, const std::string& prefix, const std::string& location) {
    if (location.empty()) return name;
    // A wildcard or a prefix with a tag applies to the whole host or repository.
    if (prefix.starts_with("*.")) return location + name.substr(std::min(name.find('/'), name.size()));
    return location + name.substr(std::min(prefix.size(), name.size()));
}

std::string full_name(const std::string& name, const std::string& tag, const std::string& digest) {
    if (!digest.empty()) return concat(name, '@', digest);
    return concat(name, ':', tag.empty() ? std::string("latest") : tag);
}

[[noreturn]] void throw_blocked(const std::string& name, const RegistryConfig& config) {
    throw Error(ErrorKind::untrusted,
                concat("registry ", quoted(config.prefix), " is blocked, so is ", quoted(name)))
        .hint("registries.conf blocks it");
}

}  // namespace

void RegistriesConf::put(RegistryConfig config) {
    config.prefix = with_usual_host(config.prefix);
    std::erase_if(registries_, [&](const RegistryConfig& other) { return other.prefix == config.prefix; });
    registries_.push_back(std::move(config));
}

void RegistriesConf::add(std::string_view toml, const std::string& file) {
    const Json document = with_context([&] { return quoted(file); }, [&] { return oci::parse_toml(toml); });
    if (const Json* registries = oci::find_member(document, "registries")) {
        for (RegistryConfig& one : parse_version_1(*registries, file)) put(std::move(one));
    }
    if (std::vector<std::string> helpers = helpers_in(document, file); !helpers.empty())
        helpers_ = std::move(helpers);
    std::vector<RegistryConfig> added;
    each_table(document, "registry", file, [&](const Json& table) {
        RegistryConfig one = parse_registry(table, file);
        const auto other = std::find_if(added.begin(), added.end(), [&](const RegistryConfig& earlier) {
            return earlier.prefix == one.prefix;
        });
        if (other != added.end()) {
            // As for podman: tools that edit the file leave such copies.
            if (other->insecure != one.insecure || other->blocked != one.blocked)
                refuse(file, concat("two registries with the prefix ", quoted(one.prefix), " that differ"));
            log_warning(concat(quoted(file), ": a second registry with the prefix ", quoted(one.prefix),
                               " has no effect"));
            return;
        }
        added.push_back(std::move(one));
    });
    for (RegistryConfig& one : added) put(std::move(one));
}

RegistriesConf RegistriesConf::load(const std::string& file, const std::vector<std::string>& drop_ins) {
    RegistriesConf out;
    if (const auto text = read_small_file(file, kMaxFile)) out.add(*text, file);
    for (const std::string& directory : drop_ins) {
        for (const std::string& name : list_files(directory)) {
            if (!name.ends_with(".conf")) continue;
            const std::string path = concat(directory, '/', name);
            if (const auto text = read_small_file(path, kMaxFile)) out.add(*text, path);
        }
    }
    return out;
}

RegistriesConf RegistriesConf::from_environment() {
    const std::string chosen = env("CONTAINERS_REGISTRIES_CONF");
    if (!chosen.empty()) return load(chosen, {});
    std::string own = env("XDG_CONFIG_HOME");
    if (own.empty() && !env("HOME").empty()) own = env("HOME") + "/.config";
    const std::string system = "/etc/containers/registries.conf";
    if (own.empty()) return load(system, {system + ".d"});
    own += "/containers/registries.conf";
    std::error_code ignored;
    return load(std::filesystem::exists(own, ignored) ? own : system, {system + ".d", own + ".d"});
}

const RegistryConfig* RegistriesConf::find(std::string_view reference) const {
    const RegistryConfig* best = nullptr;
    for (const RegistryConfig& one : registries_) {
        if (!matches(one.prefix, reference)) continue;
        if (best == nullptr || one.prefix.size() > best->prefix.size()) best = &one;
    }
    return best;
}

std::vector<PullPlace> RegistriesConf::pull_places(const std::string& name, const std::string& tag,
                                                   const std::string& digest) const {
    const RegistryConfig* config = find(full_name(name, tag, digest));
    if (config == nullptr) return {{.name = name}};
    if (config->blocked) throw_blocked(name, *config);
    std::vector<PullPlace> out;
    for (const MirrorConfig& mirror : config->mirrors) {
        if (mirror.pull == PullFromMirror::digest_only && digest.empty()) continue;
        if (mirror.pull == PullFromMirror::tag_only && !digest.empty()) continue;
        out.push_back({.name = rewritten(name, config->prefix, mirror.location),
                       .insecure = mirror.insecure,
                       .mirror = true});
    }
    out.push_back({.name = rewritten(name, config->prefix, config->location), .insecure = config->insecure});
    return out;
}

PullPlace RegistriesConf::push_place(const std::string& name, const std::string& tag) const {
    const RegistryConfig* config = find(full_name(name, tag, ""));
    if (config == nullptr) return {.name = name};
    if (config->blocked) throw_blocked(name, *config);
    return {.name = name, .insecure = config->insecure};
}

}  // namespace osb::registry

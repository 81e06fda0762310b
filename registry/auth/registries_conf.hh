// registries.conf, versions 1 and 2: containers-registries.conf(5). Settings for short names are ignored,
// because osb-oci does not resolve short names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::registry {

// The images for which a mirror is used.
enum class PullFromMirror { all, digest_only, tag_only };

// A mirror of a registry.
struct MirrorConfig {
    std::string location;  // host[:port][/path], which replaces the prefix
    bool insecure = false;
    PullFromMirror pull = PullFromMirror::all;
};

// An entry [[registry]].
struct RegistryConfig {
    std::string prefix;    // host[:port][/path[:tag|@digest]] or *.host
    std::string location;  // "" keeps the name
    bool insecure = false;
    bool blocked = false;
    std::vector<MirrorConfig> mirrors;  // in the order of tries
};

// An endpoint for an image.
struct PullPlace {
    std::string name;  // host[:port]/repository
    bool insecure = false;
    bool mirror = false;
};

// The configured registries.
class RegistriesConf {
  public:
    RegistriesConf() = default;
    // Adds the registries of one file. They replace earlier ones with the same prefix, as drop-ins do. Throws
    // Error{invalid} naming `file`.
    void add(std::string_view toml, const std::string& file);

    // Loads $CONTAINERS_REGISTRIES_CONF, otherwise the user's file, otherwise the system's file. The last two
    // include their drop-ins.
    static RegistriesConf from_environment();
    // Loads a file, which may be missing, and directories of drop-ins (*.conf in order of names).
    static RegistriesConf load(const std::string& file, const std::vector<std::string>& drop_ins);

    // The entry with the longest prefix that matches "host/path[:tag|@digest]", or nullptr.
    const RegistryConfig* find(std::string_view reference) const;

    // The endpoints from which to read `name` ("host/path") with a tag or a digest, in order: mirrors, then
    // the registry. Throws Error{untrusted} if the registry is blocked.
    std::vector<PullPlace> pull_places(const std::string& name, const std::string& tag,
                                       const std::string& digest) const;
    // The endpoint to write to: the registry itself, with its own name. Throws as pull_places().
    PullPlace push_place(const std::string& name, const std::string& tag) const;
    // `credential-helpers`, where to look for credentials; empty if no file sets it.
    const std::vector<std::string>& credential_helpers() const noexcept { return helpers_; }

  private:
    void put(RegistryConfig config);

    std::vector<RegistryConfig> registries_;
    std::vector<std::string> helpers_;
};

}  // namespace osb::registry

// registries.conf, versions 1 and 2: containers-registries.conf(5). What concerns short names is passed over:
// they are not resolved here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::registry {

// Which images a mirror is asked for.
enum class PullFromMirror { all, digest_only, tag_only };

struct MirrorConfig {
    std::string location;  // host[:port][/path], in place of the prefix
    bool insecure = false;
    PullFromMirror pull = PullFromMirror::all;
};

// One [[registry]].
struct RegistryConfig {
    std::string prefix;    // host[:port][/path[:tag|@digest]] or *.host
    std::string location;  // "" for no change of the name
    bool insecure = false;
    bool blocked = false;
    std::vector<MirrorConfig> mirrors;  // in the order in which they are tried
};

// A place to read an image from.
struct PullPlace {
    std::string name;  // host[:port]/repository
    bool insecure = false;
    bool mirror = false;
};

class RegistriesConf {
  public:
    RegistriesConf() = default;
    // Adds one file's registries; those of the same prefix replace earlier ones, as drop-ins do. Throws
    // Error{invalid} naming `file`.
    void add(std::string_view toml, const std::string& file);

    // The file of $CONTAINERS_REGISTRIES_CONF, else the user's, else the system's; with the drop-ins of the
    // last two.
    static RegistriesConf from_environment();
    // A file, which may be missing, and directories of drop-ins (*.conf in the order of their names).
    static RegistriesConf load(const std::string& file, const std::vector<std::string>& drop_ins);

    // The entry with the longest prefix that matches "host/path[:tag|@digest]"; null when there is none.
    const RegistryConfig* find(std::string_view reference) const;

    // Where to read `name` ("host/path") under a tag or a digest, in order: mirrors, then the registry
    // itself. Throws Error{untrusted} when the registry is blocked.
    std::vector<PullPlace> pull_places(const std::string& name, const std::string& tag,
                                       const std::string& digest) const;
    // Where to write it: the registry itself, under its own name. Throws as above.
    PullPlace push_place(const std::string& name, const std::string& tag) const;

  private:
    void put(RegistryConfig config);

    std::vector<RegistryConfig> registries_;
};

}  // namespace osb::registry

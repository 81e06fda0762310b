// apk's databases as records: lib/apk/db/installed, triggers, scripts.tar, and etc/apk/world (apk-tools,
// "installed database"). Records are written with the same bytes; of a script, name, mode and content are
// kept.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/tar/tar_reader.hh"

namespace osb::ostree {

// The limits of the databases of one tree, in bytes.
inline constexpr std::size_t kMaxInstalled = 64UL * 1024 * 1024;
inline constexpr std::size_t kMaxScripts = 64UL * 1024 * 1024;
inline constexpr std::size_t kMaxTriggers = 4UL * 1024 * 1024;
inline constexpr std::size_t kMaxWorld = 1024UL * 1024;

// A file of a package.
struct ApkFile {
    std::string name;
    std::string lines;  // R:, and those about the file that follow it
};

// A directory of a package.
struct ApkDirectory {
    std::string name;   // "" for the root
    std::string lines;  // F:, and those about the directory that follow it
    std::vector<ApkFile> files;
};

// A script of a package, as a member of scripts.tar.
struct ApkScript {
    oci::TarEntry entry;
    std::string content;
};

// An installed package.
struct ApkPackage {
    std::string name;
    std::string version;
    std::string architecture;  // A:, in the names of apk; "" for none
    std::string checksum;      // C:
    std::string origin;        // o:, the source package; "" for none
    std::vector<std::string> replaces;
    int replaces_priority = 0;
    std::string header;  // all lines before the first F:
    std::vector<ApkDirectory> directories;
    std::string trigger;  // the line in triggers, with its end; "" for none
    std::vector<ApkScript> scripts;
};

// Parses lib/apk/db/installed. Throws Error{invalid} for a package without a name or with a name twice, for
// files without a directory, and for paths that lead out of the tree.
std::vector<ApkPackage> parse_installed(std::string_view text);
// Writes it again.
std::string installed_text(const std::vector<ApkPackage>& packages);

// Adds the lines of triggers, or the members of scripts.tar (gzip is accepted), to their packages. Ignores
// those of packages that are not installed, as apk does. add_scripts() throws Error for a malformed archive,
// and for one that unpacks to more than kMaxScripts.
void add_triggers(std::vector<ApkPackage>& packages, std::string_view text);
void add_scripts(std::vector<ApkPackage>& packages, std::string_view archive);
std::string triggers_text(const std::vector<ApkPackage>& packages);
std::string scripts_archive(const std::vector<ApkPackage>& packages);

// Joins two worlds: one dependency for each name, of which the one in `later` counts, sorted by name.
std::string join_worlds(std::string_view earlier, std::string_view later);

// The answer to which package a file belongs to that both `old` and `fresh` have.
enum class FileOwner {
    old_one,    // the old package is more important: its file stays
    fresh_one,  // the new package replaces the old one's file
    conflict,   // the packages do not say
};
// Decides as apk does: the fields replaces (r:) and its priority (q:), then the source package.
FileOwner decide_owner(const ApkPackage& old, const ApkPackage& fresh);

}  // namespace osb::ostree

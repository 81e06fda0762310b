#include "system/check/program_directory.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPrograms = 256;  // in one directory

// Files that package managers and editors leave beside another one.
bool is_leftover(std::string_view name) {
    constexpr std::array<std::string_view, 11> kEnds{"~",         ".rpmnew",   ".rpmsave",  ".rpmorig",
                                                     ".apk-new",  ".dpkg-new", ".dpkg-old", ".dpkg-dist",
                                                     ".ucf-dist", ".bak",      ".orig"};
    return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace

std::vector<Program> find_programs(const std::vector<std::string>& directories, const std::string& kind,
                                   std::vector<std::string>& warnings) {
    std::map<std::string, std::string> found;
    const auto warn = [&](const std::string& path, std::string_view why) {
        warnings.push_back(concat(quoted(path), " is skipped: ", why));
    };
    for (const std::string& directory : directories) {
        std::error_code error;
        std::size_t count = 0;
        for (fs::directory_iterator it(concat(directory, '/', kind), error), end; !error && it != end;
             it.increment(error)) {
            const std::string name = it->path().filename();
            if (name.front() == '.') continue;
            if (++count > kMaxPrograms) {
                warn(it->path(), "there are too many");
                break;
            }
            found.emplace(name, it->path());
        }
    }
    std::vector<Program> out;
    for (auto& [name, path] : found) {
        struct stat info {};
        if (is_leftover(name)) {
            warn(path, "its name is that of a backup or package file");
        } else if (::stat(path.c_str(), &info) != 0) {
            warn(path, "it cannot be read");
        } else if (S_ISCHR(info.st_mode)) {
            continue;  // a link to /dev/null: switched off
        } else if (!S_ISREG(info.st_mode) || ::access(path.c_str(), X_OK) != 0) {
            warn(path, "it is not executable");
        } else {
            out.push_back({name, path});
        }
    }
    return out;
}

}  // namespace osb::system

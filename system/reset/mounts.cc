#include "system/reset/mounts.hh"

#include <fcntl.h>

#include <algorithm>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "base/stream.hh"

namespace osb::system {
namespace {

constexpr std::size_t kMaxMountinfo = 64UL * 1024 * 1024;
constexpr std::size_t kPointField = 4;  // the fifth field of a line

bool is_octal(std::string_view text) {
    return text.size() == 3 && text.find_first_not_of("01234567") == std::string_view::npos;
}

// The kernel writes blanks, line ends and backslashes as \040 and so on.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && is_octal(text.substr(at + 1, 3))) {
            unsigned value = 0;
            for (const char digit : text.substr(at + 1, 3))
                value = value * 8 + static_cast<unsigned>(digit - '0');
            out += static_cast<char>(value);
            at += 3;
        } else {
            out += text[at];
        }
    }
    return out;
}

std::string_view field_of(std::string_view line, std::size_t number) {
    for (; number > 0; --number) {
        const std::size_t blank = line.find(' ');
        if (blank == std::string_view::npos) return {};
        line.remove_prefix(blank + 1);
    }
    return line.substr(0, line.find(' '));
}

}  // namespace

std::vector<std::string> mount_points_below(std::string_view mountinfo, const std::string& path) {
    const std::string prefix = path.ends_with('/') ? path : path + '/';
    std::vector<std::string> out;
    while (!mountinfo.empty()) {
        const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
        mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
        std::string point = unescaped(field_of(line, kPointField));
        if (point.size() > prefix.size() && point.starts_with(prefix)) out.push_back(std::move(point));
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::vector<std::string> mount_points_below(const std::string& path) {
    constexpr const char* kMountinfo = "/proc/self/mountinfo";
    FdSource source(open_at(AT_FDCWD, kMountinfo, O_RDONLY), kMountinfo);
    return mount_points_below(read_all(source, kMaxMountinfo, kMountinfo), path);
}

}  // namespace osb::system

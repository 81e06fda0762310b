#include "image/deployment/os_release.hh"

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::image {
namespace {

// Returns the value of an assignment without quotes and backslashes.
std::string unquote(std::string_view text) {
    std::string out;
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
            out += text[++i];
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

OsRelease parse_os_release(std::string_view text) {
    OsRelease out;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const std::size_t equals = line.find('=');
        if (equals == 0 || equals == std::string_view::npos || line.front() == '#') continue;
        out[std::string(line.substr(0, equals))] = unquote(line.substr(equals + 1));
    }
    return out;
}

OsRelease read_os_release(const ostree::Repository& repository, const ostree::CommitWalk& commit) {
    for (const std::string_view wanted : {"usr/etc/os-release", "usr/lib/os-release"}) {
        for (const ostree::WalkedFile& file : commit.files) {
            if (std::find(file.paths.begin(), file.paths.end(), wanted) == file.paths.end()) continue;
            const ostree::ContentObject object = ostree::open_object(repository, file.checksum);
            // The file in /etc is usually a link to the other one.
            if (!object.content || object.size > kMaxOsRelease) break;
            return parse_os_release(read_all(*object.content, kMaxOsRelease, wanted));
        }
    }
    return {};
}

void check_title(const OsRelease& release, const std::string& version) {
    // SYSLINUX reads lines of 4095 bytes, including the text before the title.
    constexpr std::size_t kMaxLine = 2048;
    const std::string title = deployment_title(release, version, 0);
    const bool has_control = std::any_of(
        title.begin(), title.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (title.size() <= kMaxLine && !has_control) return;
    throw Error(ErrorKind::invalid,
                concat("the system's name and version do not fit on a line of a boot entry: ", quoted(title)))
        .hint("label the image with a short version of one line");
}

std::string deployment_title(const OsRelease& release, const std::string& version, unsigned index) {
    std::string out = "Linux";
    for (const char* key : {"PRETTY_NAME", "ID"}) {
        const auto found = release.find(key);
        if (found == release.end() || found->second.empty()) continue;
        out = found->second;
        break;
    }
    if (!version.empty() && out.find(version) == std::string::npos) out += ' ' + version;
    return concat(out, " (ostree:", index, ')');
}

}  // namespace osb::image

#include "ostree/sysroot/os_name.hh"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "base/stream.hh"

namespace osb::ostree {
namespace {

constexpr const char* kName = "os-release";
constexpr std::uint64_t kMaxSize = 64UL * 1024;

Fd open_directory(int parent, const char* name) {
    return Fd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The beginning of the file, or nullopt if there is no such regular file.
std::optional<std::string> read_release(int directory, const char* path, int flags = 0) {
    const Fd file(::openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    const std::uint64_t size = std::min(file_size(file.get()), kMaxSize);
    FileRangeSource source(file.get(), 0, size, path);
    return read_all(source, kMaxSize, path);
}

bool has_name(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with("PRETTY_NAME=") || line.starts_with("ID=")) return true;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return false;
}

// The text with what libostree requires; the same if nothing is missing.
std::string completed(std::string text) {
    if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) == FALSE) {
        const std::unique_ptr<char, decltype(&g_free)> valid(
            g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())), g_free);
        text = valid.get();
    }
    // A carriage return would become a part of the boot entry's title.
    for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.erase(at, 1);
    if (has_name(text)) return text;
    if (!text.empty() && text.back() != '\n') text += '\n';
    return text + "NAME=Linux\nID=linux\nPRETTY_NAME=Linux\n";
}

}  // namespace

void ensure_os_name(int deployment) {
    // libostree follows links, also those that leave the deployment.
    std::optional<std::string> found = read_release(deployment, "usr/lib/os-release");
    if (!found) found = read_release(deployment, "etc/os-release");
    if (found && (found->size() == kMaxSize || completed(*found) == *found)) return;
    const Fd usr = open_directory(deployment, "usr");
    const Fd lib = usr ? open_directory(usr.get(), "lib") : Fd();
    if (!lib) return;  // libostree says what is wrong
    // What a link names is not copied: it may be a secret of this machine.
    std::optional<std::string> own = read_release(lib.get(), kName, O_NOFOLLOW);
    const Fd etc = open_directory(deployment, "etc");
    if (!own && etc) own = read_release(etc.get(), kName, O_NOFOLLOW);
    log_debug(concat("writing ", quoted(kName), ", which the system lacks"));
    replace_file(lib.get(), kName, completed(own.value_or(std::string())), ".osb-os-release");
}

}  // namespace osb::ostree

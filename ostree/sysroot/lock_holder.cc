#include "ostree/sysroot/lock_holder.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxNote = 4096;

// The program of a process and its first argument: "osb-oci upgrade"; "" if the process does not exist.
std::string command_of(const std::string& process) {
    constexpr std::size_t kMaxCommand = 128;
    const std::string path = concat("/proc/", process, "/cmdline");
    std::array<std::uint8_t, kMaxCommand> buffer{};
    FdSource source(open_regular(AT_FDCWD, path), path);
    const std::size_t length = read_full(source, buffer);
    std::string_view text = as_text(ByteView(buffer).first(length));
    const std::string_view program = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(program.size() + 1, text.size()));
    const std::string_view argument = text.substr(0, text.find('\0'));
    return concat(program.substr(program.rfind('/') + 1), argument.empty() ? "" : " ", argument);
}

std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value <= 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(' ')) text.remove_prefix(1);
    return value;
}

std::string describe(const std::string& path) {
    const std::string note = read_regular_file(AT_FDCWD, path, kMaxNote);
    std::string_view rest = note;
    const auto pid = take_number(rest);
    const auto since = take_number(rest);
    if (!pid || !since) return "";
    // Another process may have the same process ID now.
    const std::string command(rest.substr(0, rest.find('\n')));
    if (command.empty() || command_of(std::to_string(*pid)) != command) return "";
    const std::int64_t age = std::max<std::int64_t>(::time(nullptr) - *since, 0);
    return concat(quoted(command), " (process ", *pid, ", for ", age, " s)");
}

}  // namespace

LockHolder::LockHolder(std::string path) : path_(std::move(path)) {
    try {
        const std::string directory = path_.substr(0, path_.rfind('/'));
        if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
            throw_errno(concat("cannot make ", quoted(directory)));
        const Fd file = open_at(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
        const std::string note = concat(::getpid(), ' ', ::time(nullptr), ' ', command_of("self"), '\n');
        write_all(file.get(), as_bytes(note), path_);
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

LockHolder::~LockHolder() {
    ::unlink(path_.c_str());
}

std::string describe_lock_holder(const std::string& path) {
    try {
        if (std::string text = describe(path); !text.empty()) return text;
    } catch (const Error& error) {
        log_debug(error.message());
    }
    return "another program";
}

}  // namespace osb::ostree

#include "system/trial/panic_record.hh"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/state_file.hh"

namespace osb::system {
namespace {

constexpr const char* kPstore = "/sys/fs/pstore";
constexpr std::size_t kMaxRecords = 64;
constexpr std::size_t kMaxRecord = 256UL * 1024;
// The longest time that a restart after a panic, the firmware's start and the boot take together.
constexpr long kRecent = 3600;
// In seconds. time() may be one tick behind the clock of file times, so it may still count the second before.
constexpr std::time_t kMaxClockLag = 1;

std::string panic_in(std::string_view text) {
    constexpr std::string_view kPanic = "Kernel panic";
    const std::size_t at = text.find(kPanic);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at);
    constexpr std::size_t kMaxLine = 160;
    return escape(text.substr(0, text.find('\n')), kMaxLine);
}

}  // namespace

std::string find_panic(const std::string& directory, long max_age_seconds) {
    std::error_code error;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
        const std::string path = it->path();
        struct stat info {};
        if (++count > kMaxRecords || ::stat(path.c_str(), &info) != 0) continue;
        const std::time_t age = std::time(nullptr) - info.st_mtime;
        if (age < -kMaxClockLag || age > max_age_seconds) continue;  // a clock may have been set back
        try {
            std::string found = panic_in(read_regular_file(AT_FDCWD, path, kMaxRecord));
            if (!found.empty()) return found;
        } catch (const Error&) {
            continue;  // the record is only a help
        }
    }
    return {};
}

std::string read_panic_record() {
    std::error_code error;
    if (std::filesystem::is_empty(kPstore, error) && !error) {
        // If this fails, pstore is missing or the kernel does not support it: there are no records.
        static_cast<void>(::mount("pstore", kPstore, "pstore", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr));
    }
    return find_panic(kPstore, kRecent);
}

}  // namespace osb::system

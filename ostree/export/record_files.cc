#include "ostree/export/record_files.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/transports/blob_files.hh"

namespace osb::ostree {
namespace {

Fd make_directory(const Repository& repository, const std::string& path) {
    const std::string extensions = concat(repository.path(), "/extensions");
    for (const std::string& above : {extensions, extensions + "/osb-oci"}) {
        static_cast<void>(open_state_directory(above));
    }
    return open_state_directory(path);
}

// Removes the older half if there are more than `max_files`.
void remove_old(const Fd& directory, std::size_t max_files) {
    std::vector<std::string> names = oci::list_entries(directory.get());
    if (names.size() <= max_files) return;
    std::vector<std::pair<std::int64_t, std::string>> files;
    for (std::string& name : names) {
        struct stat st {};
        if (::fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            files.emplace_back(static_cast<std::int64_t>(st.st_mtim.tv_sec), std::move(name));
    }
    std::sort(files.begin(), files.end());
    files.resize(files.size() / 2);
    for (const auto& [time, name] : files) ::unlinkat(directory.get(), name.c_str(), 0);
}

}  // namespace

std::string RecordFiles::path() const {
    return concat(repository_.path(), "/extensions/osb-oci/", directory_);
}

bool RecordFiles::empty() const {
    struct stat st {};
    return ::stat(path().c_str(), &st) != 0;
}

std::vector<std::string> RecordFiles::names() const {
    try {
        const Fd directory = open_at(AT_FDCWD, path(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        return oci::list_entries(directory.get());
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) log_debug(error.message());
        return {};
    }
}

std::string RecordFiles::read(const std::string& name, std::size_t limit) const {
    const Fd directory = open_at(AT_FDCWD, path(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return read_regular_file(directory.get(), name, limit);
}

void RecordFiles::touch(const std::string& name) const noexcept {
    ::utimensat(AT_FDCWD, concat(path(), '/', name).c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

void RecordFiles::write(const std::string& name, std::string_view text) const {
    try {
        const Fd directory = make_directory(repository_, path());
        // The temporary name is unique among all threads and processes that write the same file.
        static std::atomic<unsigned> count{0};
        replace_file(directory.get(), name, text, concat(name, '.', ::getpid(), '.', ++count));
        remove_old(directory, max_files_);
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

}  // namespace osb::ostree

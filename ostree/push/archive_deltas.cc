#include "ostree/push/archive_deltas.hh"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "ostree/delta/delta_superblock.hh"
#include "ostree/delta/make_delta.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_lock.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

struct PtrArrayDeleter {
    void operator()(GPtrArray* array) const noexcept { g_ptr_array_unref(array); }
};

// "FROM-TO", or "TO" for a delta from nothing.
std::vector<std::string> delta_names(const Repository& repository) {
    GPtrArray* names = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_list_static_delta_names(repository.handle().repo.get(), &names, nullptr,
                                                    error.out()) != 0,
                concat("cannot list the deltas of ", quoted(repository.path())));
    const std::unique_ptr<GPtrArray, PtrArrayDeleter> owned(names);
    std::vector<std::string> out;
    for (guint i = 0; i < names->len; ++i)
        out.emplace_back(static_cast<const char*>(g_ptr_array_index(names, i)));
    return out;
}

bool has_commit(const Repository& repository, const std::string& checksum) {
    const std::optional<CommitId> commit = CommitId::try_parse(checksum);
    return commit && has_whole_commit(repository, *commit);
}

bool is_useless(const Repository& repository, const std::string& name) {
    const std::size_t dash = name.find('-');
    if (dash == std::string::npos) return !has_commit(repository, name);
    return !has_commit(repository, name.substr(0, dash)) || !has_commit(repository, name.substr(dash + 1));
}

// libostree's name of the delta's directory below deltas/.
std::string directory_of(const std::string& name) {
    const std::size_t dash = name.find('-');
    const CommitId to = CommitId::parse(dash == std::string::npos ? name : name.substr(dash + 1));
    std::optional<CommitId> from;
    if (dash != std::string::npos) from = CommitId::parse(name.substr(0, dash));
    return delta_directory(from, to);
}

// False if the delta in deltas/ has other detached metadata than the repository has for its commit: clients
// store the signatures that the delta carries. False as well if it cannot be read.
bool has_signatures_of(const Repository& repository, const std::string& name, const CommitId& to) {
    try {
        const std::string file = concat(repository.path(), '/', directory_of(name), "/superblock");
        const std::string bytes = read_regular_file(AT_FDCWD, file, kMaxSuperblock);
        return parse_superblock(as_bytes(bytes)).detached == read_detached_metadata(repository, to);
    } catch (const Error& error) {
        // One of another program may have a form that is not read, such as with fallbacks.
        if (error.kind() == ErrorKind::io) throw;
        log_debug(concat("delta ", name, ": ", error.message()));
        return false;
    }
}

// The superblock goes first, so that no client finds a delta without its parts.
void remove_delta(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::remove(directory / "superblock", error);
    if (!error) std::filesystem::remove_all(directory, error);
    if (error) throw errno_error(error.value(), concat("cannot remove ", quoted(directory.string())));
}

}  // namespace

std::vector<CommitId> make_archive_deltas(Repository& repository, const std::vector<CommitId>& from,
                                          const CommitId& to, Progress& progress) {
    // Nothing may prune the commits meanwhile.
    const Fd lock = wait_for_lock(repository, RepositoryLock::shared);
    const std::vector<std::string> present = delta_names(repository);
    std::vector<CommitId> out;
    for (const CommitId& commit : from) {
        if (commit == to || std::find(out.begin(), out.end(), commit) != out.end()) continue;
        const std::string name = concat(commit, '-', to);
        if (std::find(present.begin(), present.end(), name) != present.end()) {
            if (has_signatures_of(repository, name, to)) continue;
            // No client may find the old superblock with new parts.
            remove_delta(concat(repository.path(), '/', directory_of(name)));
        }
        progress.begin(concat("making a delta from ", commit.short_text()), std::nullopt);
        make_delta_in_place(repository, commit, to);
        out.push_back(commit);
    }
    return out;
}

std::size_t prune_archive_deltas(Repository& repository) {
    const Fd lock = wait_for_lock(repository, RepositoryLock::shared);
    std::size_t removed = 0;
    for (const std::string& name : delta_names(repository)) {
        if (!is_useless(repository, name)) continue;
        remove_delta(concat(repository.path(), '/', directory_of(name)));
        ++removed;
    }
    return removed;
}

}  // namespace osb::ostree

#include "ostree/objects/repository.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/hash.hh"
#include "base/spelling.hh"
#include "base/state_file.hh"
#include "base/stream.hh"
#include "base/umask_scope.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_lock.hh"

namespace osb::ostree {
namespace {

GObjectPtr<OstreeRepo> repo_at(const std::string& path) {
    const GObjectPtr<GFile> file(g_file_new_for_path(path.c_str()));
    return GObjectPtr<OstreeRepo>(ostree_repo_new(file.get()));
}

bool is_hexadecimal(std::string_view text) noexcept {
    return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The commit of a ref without a '/' in its name, or nullopt. The file may be a link to another ref.
std::optional<CommitId> read_ref(OstreeRepo* repo, const std::string& ref) {
    const std::string path = "refs/heads/" + ref;
    const Fd file(::openat(ostree_repo_get_dfd(repo), path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!file && errno == ENOENT) return std::nullopt;
    struct stat st {};
    if (!file || ::fstat(file.get(), &st) != 0) throw_errno(concat("cannot read ", quoted(path)));
    if (!S_ISREG(st.st_mode)) return std::nullopt;
    FileRangeSource source(file.get(), 0, static_cast<std::uint64_t>(st.st_size), path);
    std::string text = read_all(source, OSTREE_SHA256_STRING_LEN + 1, path);
    if (text.ends_with('\n')) text.pop_back();
    return CommitId::try_parse(text);
}

bool missing_or_empty(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return !error;
    return std::filesystem::is_directory(path, error) && std::filesystem::is_empty(path, error) && !error;
}

// True for the configuration of a repository of ostree. git has a file of this name, too.
bool has_repository_config(const std::string& path) {
    constexpr std::size_t kMaxConfig = 1024UL * 1024;  // in bytes; libostree's own has less than 100
    return read_regular_file(AT_FDCWD, path + "/config", kMaxConfig).find("repo_version=") !=
           std::string::npos;
}

// True if a directory has only the start of a repository, because its creation was killed. libostree first
// writes the configuration under a temporary name, and creates objects/ last.
bool is_half_made(const std::string& path) {
    constexpr std::array<std::string_view, 4> kDirectories{"tmp", "extensions", "state", "refs"};
    constexpr std::size_t kTemporaryName = 10;  // tmp.XXXXXX
    bool has_config = false;
    bool has_directories = false;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (name == "config") {
            has_config = true;
        } else if (std::find(kDirectories.begin(), kDirectories.end(), name) != kDirectories.end()) {
            has_directories = true;
        } else if (!name.starts_with("tmp.") || name.size() != kTemporaryName) {
            return false;
        }
    }
    if (error || !has_config) return !error && !has_directories;
    return has_repository_config(path);
}

// Makes the directories that libostree opens and that a copy left out because they were empty: object stores,
// git and some backups keep no empty directories. A failure shows when libostree misses them.
void restore_directories(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path + "/config", error)) return;
    if (!std::filesystem::is_directory(path + "/objects", error)) return;
    for (const char* const name : {"/refs", "/refs/heads", "/refs/remotes"}) {
        if (std::filesystem::exists(path + name, error) || error || !has_repository_config(path)) continue;
        const UmaskScope umask(UmaskScope::readable());
        std::filesystem::create_directory(path + name, error);
    }
}

OstreeRepoMode to_ostree(RepoMode mode) {
    switch (mode) {
        case RepoMode::archive:
            return OSTREE_REPO_MODE_ARCHIVE;
        case RepoMode::bare:
            return OSTREE_REPO_MODE_BARE;
        case RepoMode::bare_user:
            return OSTREE_REPO_MODE_BARE_USER;
        case RepoMode::bare_user_only:
            return OSTREE_REPO_MODE_BARE_USER_ONLY;
    }
    return OSTREE_REPO_MODE_ARCHIVE;
}

}  // namespace

std::string_view to_string(RepoMode mode) noexcept {
    switch (mode) {
        case RepoMode::archive:
            return "archive";
        case RepoMode::bare:
            return "bare";
        case RepoMode::bare_user:
            return "bare-user";
        case RepoMode::bare_user_only:
            return "bare-user-only";
    }
    return "unknown";
}

Repository::Repository(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Repository::Repository(Repository&&) noexcept = default;
Repository& Repository::operator=(Repository&&) noexcept = default;
Repository::~Repository() = default;

Repository Repository::open(const std::string& path) {
    restore_directories(path);
    auto handle = std::make_unique<Handle>(Handle{repo_at(path), path});
    GErrorSlot error;
    error.check(ostree_repo_open(handle->repo.get(), nullptr, error.out()) != 0,
                concat("cannot open the repository ", quoted(path)));
    Repository repository(std::move(handle));
    repository.mode();  // throws for a mode that is not writable
    return repository;
}

Repository Repository::create(const std::string& path, RepoMode mode) {
    if (!missing_or_empty(path)) {
        throw Error(ErrorKind::io,
                    concat("cannot create a repository in ", quoted(path), ": it is not empty"));
    }
    const UmaskScope umask(UmaskScope::readable());
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) throw errno_error(failed.value(), concat("cannot create ", quoted(path)));
    auto handle = std::make_unique<Handle>(Handle{repo_at(path), path});
    GErrorSlot error;
    error.check(ostree_repo_create(handle->repo.get(), to_ostree(mode), nullptr, error.out()) != 0,
                concat("cannot create the repository ", quoted(path)));
    return Repository(std::move(handle));
}

Repository Repository::open_or_create(const std::string& path) {
    if (!missing_or_empty(path) && !is_half_made(path)) return open(path);
    const UmaskScope umask(UmaskScope::readable());
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) throw errno_error(failed.value(), concat("cannot create ", quoted(path)));
    // Several processes may create it at once. The first one does, and the others find it complete.
    const Fd directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
    lock_file(directory.get(), path);
    if (!is_half_made(path)) return open(path);
    GErrorSlot error;
    error.check(ostree_repo_create(repo_at(path).get(), OSTREE_REPO_MODE_ARCHIVE, nullptr, error.out()) != 0,
                concat("cannot create the repository ", quoted(path)));
    return open(path);
}

RepoMode Repository::mode() const {
    switch (ostree_repo_get_mode(handle_->repo.get())) {
        case OSTREE_REPO_MODE_ARCHIVE:
            return RepoMode::archive;
        case OSTREE_REPO_MODE_BARE:
            return RepoMode::bare;
        case OSTREE_REPO_MODE_BARE_USER:
            return RepoMode::bare_user;
        case OSTREE_REPO_MODE_BARE_USER_ONLY:
            return RepoMode::bare_user_only;
        default:
            break;
    }
    throw Error(ErrorKind::unsupported,
                concat("the repository ", quoted(handle_->path), " has a mode that does not support writing"))
        .hint("use a repository in archive, bare, bare-user or bare-user-only mode");
}

const std::string& Repository::path() const {
    return handle_->path;
}

std::optional<CommitId> Repository::resolve(const std::string& rev) const {
    char* checksum = nullptr;
    GErrorSlot error;
    // libostree would prefer a commit whose checksum starts with the name of such a ref.
    if (is_hexadecimal(rev) && rev.size() < OSTREE_SHA256_STRING_LEN) {
        if (auto commit = read_ref(handle_->repo.get(), rev)) return commit;
    }
    if (ostree_repo_resolve_rev(handle_->repo.get(), rev.c_str(), TRUE, &checksum, error.out()) == 0) {
        error.raise(concat("cannot resolve ", quoted(rev)));
    }
    if (checksum == nullptr) return std::nullopt;
    const GStringPtr owned(checksum);
    return CommitId::parse(checksum);
}

std::vector<std::string> Repository::refs(const std::string& prefix) const {
    GHashTable* table = nullptr;
    GErrorSlot error;
    const char* const wanted = prefix.empty() ? nullptr : prefix.c_str();
    error.check(ostree_repo_list_refs_ext(handle_->repo.get(), wanted, &table, OSTREE_REPO_LIST_REFS_EXT_NONE,
                                          nullptr, error.out()) != 0,
                "cannot list the repository's refs");
    const GHashTablePtr owned(table);
    std::vector<std::string> out;
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, table);
    void* key = nullptr;
    while (g_hash_table_iter_next(&iter, &key, nullptr) != 0) out.emplace_back(static_cast<const char*>(key));
    std::sort(out.begin(), out.end());
    return out;
}

Error revision_not_found(const Repository& repository, const std::string& rev, std::string message) {
    Error out(ErrorKind::not_found, std::move(message));
    try {
        std::vector<std::string> refs = repository.refs("");
        std::erase_if(refs, [](const std::string& ref) { return ref.starts_with(kLayerRefs); });
        const std::optional<std::string> nearest = nearest_name(rev, refs);
        if (nearest) out.hint(concat("did you mean the ref ", quoted(*nearest), "?"));
    } catch (const Error&) {
        // The suggestion must not cause a second error.
    }
    return out;
}

mode_t umask_for(OstreeRepo* repo) {
    struct stat st {};
    if (::fstatat(ostree_repo_get_dfd(repo), "objects", &st, 0) != 0) return UmaskScope::readable();
    return ~st.st_mode & 0777U;
}

Transaction::Transaction(Repository& repository)
    : repository_(repository), repo_(repository.handle().repo.get()), umask_(umask_for(repo_)) {
    // libostree searches tmp/ for a directory to reuse, and fails if another process removes one at the same
    // time.
    constexpr int kAttempts = 10;
    const Fd lock = wait_for_lock(repository, RepositoryLock::shared);
    GErrorSlot error;
    for (int attempt = 1; ostree_repo_prepare_transaction(repo_, nullptr, nullptr, error.out()) == 0;
         ++attempt) {
        // The failed call has started a transaction anyway.
        ostree_repo_abort_transaction(repo_, nullptr, nullptr);
        if (attempt == kAttempts || !error.matches(G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
            error.raise(concat("cannot write to the repository ", quoted(repository.path())));
        }
    }
    open_ = true;
}

Transaction::~Transaction() {
    if (open_) ostree_repo_abort_transaction(repo_, nullptr, nullptr);
}

CommitId Transaction::write_commit(GVariant* commit_object) {
    guchar* checksum = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_write_metadata(repo_, OSTREE_OBJECT_TYPE_COMMIT, nullptr, commit_object,
                                           &checksum, nullptr, error.out()) != 0,
                "cannot write the commit");
    const std::unique_ptr<guchar, GFreeDeleter> owned(checksum);
    return commits_.emplace_back(CommitId::parse(to_hex(ByteView(checksum, OSTREE_SHA256_DIGEST_LEN))));
}

void Transaction::write_commit(const CommitId& id, std::string_view bytes, std::string_view detached,
                               Preferred preferred) {
    const GVariantPtr commit_object =
        variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, as_bytes(bytes), false);
    const CommitId written = write_commit(commit_object.get());
    if (written != id) {
        throw Error(ErrorKind::digest_mismatch, concat("the commit ", id, " has the checksum ", written));
    }
    add_detached_metadata(id, detached, preferred);
}

void Transaction::add_detached_metadata(const CommitId& id, std::string_view detached, Preferred preferred) {
    if (detached.empty()) return;
    const std::string present = ostree::read_detached_metadata(repository_, id);
    const std::string joined =
        with_context([&] { return concat("commit ", id); },
                     [&] { return join_detached_metadata(present, detached, preferred); });
    if (joined == present) return;
    const GVariantPtr metadata = variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(joined), false);
    GErrorSlot error;
    error.check(ostree_repo_write_commit_detached_metadata(repo_, id.c_str(), metadata.get(), nullptr,
                                                           error.out()) != 0,
                "cannot write the commit's detached metadata");
}

void Transaction::set_ref(const RefName& ref, const CommitId& commit) {
    ostree_repo_transaction_set_ref(repo_, nullptr, ref.c_str(), commit.c_str());
}

void Transaction::delete_ref(const std::string& ref) {
    ostree_repo_transaction_set_ref(repo_, nullptr, ref.c_str(), nullptr);
}

void Transaction::lock_refs() {
    if (refs_lock_) return;
    // Lock the directory itself, because a lock file would be left behind. libostree does not use this lock.
    Fd refs = open_at(ostree_repo_get_dfd(repo_), "refs/heads", O_RDONLY | O_DIRECTORY);
    lock_file(refs.get(), "refs/heads");
    refs_lock_ = std::move(refs);
}

void Transaction::commit() {
    GErrorSlot error;
    // A commit that `ostree fsck` had marked as damaged is complete again.
    for (const CommitId& id : commits_) {
        error.check(ostree_repo_mark_commit_partial(repo_, id.c_str(), FALSE, error.out()) != 0,
                    concat("cannot mark the commit ", id, " as complete"));
    }
    error.check(ostree_repo_commit_transaction(repo_, nullptr, nullptr, error.out()) != 0,
                "cannot commit the transaction");
    open_ = false;
}

}  // namespace osb::ostree

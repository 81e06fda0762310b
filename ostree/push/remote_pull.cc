#include "ostree/push/remote_pull.hh"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/state_file.hh"
#include "ostree/objects/interrupt_watch.hh"
#include "ostree/objects/key_file.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/tree_lookup.hh"
#include "registry/auth/small_file.hh"

namespace osb::ostree {
namespace {

void check_options(const RemotePullOptions& options) {
    const bool good_name = !options.name.empty() && options.name.front() != '-' &&
                           std::all_of(options.name.begin(), options.name.end(), [](char c) {
                               return g_ascii_isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                           });
    if (!good_name) throw Error(ErrorKind::usage, concat("not a name for a remote: ", quoted(options.name)));
    constexpr std::array<std::string_view, 3> kSchemes{"http://", "https://", "file://"};
    const auto begins = [&](std::string_view scheme) { return options.url.starts_with(scheme); };
    const bool has_control = std::any_of(options.url.begin(), options.url.end(), [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    });
    if (has_control || std::none_of(kSchemes.begin(), kSchemes.end(), begins)) {
        throw Error(ErrorKind::usage, concat("not a URL of an ostree repository: ", quoted(options.url)))
            .hint("write http://, https:// or file://");
    }
}

// Returns the URL that is read.
std::string source_url(const RemotePullOptions& options) {
    if (options.copy.empty()) return options.url;
    GErrorSlot error;
    const GStringPtr url(
        g_filename_to_uri(std::filesystem::absolute(options.copy).c_str(), nullptr, error.out()));
    error.check(url != nullptr, concat("not a directory's name: ", quoted(options.copy)));
    return url.get();
}

GVariantPtr remote_options(const RemotePullOptions& options) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&builder, "{sv}", "gpg-verify",
                          g_variant_new_boolean(options.gpg_key.empty() ? FALSE : TRUE));
    return take(g_variant_builder_end(&builder));
}

void import_key(OstreeRepo* repo, const RemotePullOptions& options) {
    GErrorSlot error;
    const GObjectPtr<GFile> file(g_file_new_for_path(options.gpg_key.c_str()));
    GFileInputStream* stream = g_file_read(file.get(), nullptr, error.out());
    if (stream == nullptr) error.raise(concat("cannot read the key ", quoted(options.gpg_key)));
    const GObjectPtr<GFileInputStream> owned(stream);
    guint imported = 0;
    error.check(ostree_repo_remote_gpg_import(repo, options.name.c_str(), G_INPUT_STREAM(stream), nullptr,
                                              &imported, nullptr, error.out()) != 0,
                concat("cannot import the key ", quoted(options.gpg_key)));
    if (imported == 0) {
        throw Error(ErrorKind::invalid, concat(quoted(options.gpg_key), " does not contain a key"));
    }
}

GVariantPtr pull_options(const RefName& ref) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    const std::array<const char*, 2> refs{ref.c_str(), nullptr};
    g_variant_builder_add(&builder, "{sv}", "refs", g_variant_new_strv(refs.data(), 1));
    return take(g_variant_builder_end(&builder));
}

ErrorKind kind_of(const GErrorSlot& error) {
    if (error.matches(G_IO_ERROR, G_IO_ERROR_NO_SPACE)) return ErrorKind::no_space;
    if (error.matches(G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) return ErrorKind::not_found;
    if (error.matches(OSTREE_GPG_ERROR, OSTREE_GPG_ERROR_NO_SIGNATURE) ||
        error.matches(OSTREE_GPG_ERROR, OSTREE_GPG_ERROR_INVALID_SIGNATURE) ||
        error.matches(OSTREE_GPG_ERROR, OSTREE_GPG_ERROR_MISSING_KEY)) {
        return ErrorKind::untrusted;
    }
    return ErrorKind::unavailable;
}

// Converts an error of libostree, with the kind that it has for a remote.
[[noreturn]] void raise_as_remote(const GErrorSlot& error, const std::string& what) {
    try {
        error.raise(what);
    } catch (const Error& raised) {
        throw Error(kind_of(error), raised.message());
    }
}

// The keys are those that the console progress of libostree reads. They have their last values when the pull
// returns.
std::optional<FetchedObjects> read_counts(OstreeAsyncProgress* progress) {
    const std::uint64_t bytes = ostree_async_progress_get_uint64(progress, "bytes-transferred");
    if (bytes == 0) return std::nullopt;
    const std::uint64_t objects = ostree_async_progress_get_uint(progress, "fetched");
    const std::uint64_t metadata = ostree_async_progress_get_uint(progress, "metadata-fetched");
    return FetchedObjects{.metadata = metadata,
                          .content = objects - std::min(objects, metadata),
                          .delta_parts = ostree_async_progress_get_uint(progress, "fetched-delta-parts"),
                          .bytes_transferred = bytes};
}

PulledCommit pull_ref(Repository& repository, const std::string& remote, const RefName& ref,
                      Progress& progress) {
    progress.begin("fetching the commit", std::nullopt);
    GErrorSlot error;
    const GVariantPtr pull = pull_options(ref);
    const GObjectPtr<OstreeAsyncProgress> counts(ostree_async_progress_new());
    InterruptWatch watch;
    const bool ok = ostree_repo_pull_with_options(repository.handle().repo.get(), remote.c_str(), pull.get(),
                                                  counts.get(), watch.cancellable(), error.out()) != 0;
    watch.finish();
    if (!ok) raise_as_remote(error, concat("cannot pull ", quoted(ref.text())));
    const std::optional<CommitId> commit = repository.resolve(concat(remote, ':', ref));
    if (!commit) throw Error(ErrorKind::not_found, concat("the remote has no ref ", quoted(ref.text())));
    return {.commit = *commit, .fetched = read_counts(counts.get())};
}

GVariantPtr directory_options(const CommitId& commit, const std::vector<std::string>& directories) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    const std::array<const char*, 1> refs{commit.c_str()};
    g_variant_builder_add(&builder, "{sv}", "refs", g_variant_new_strv(refs.data(), 1));
    std::vector<const char*> paths;
    paths.reserve(directories.size());
    for (const std::string& directory : directories) paths.push_back(directory.c_str());
    g_variant_builder_add(&builder, "{sv}", "subdirs",
                          g_variant_new_strv(paths.data(), static_cast<gssize>(paths.size())));
    // A delta has all objects of the commit.
    g_variant_builder_add(&builder, "{sv}", "disable-static-deltas", g_variant_new_boolean(TRUE));
    return take(g_variant_builder_end(&builder));
}

void set_parent(const std::string& scratch, const std::string& parent) {
    const Fd config = open_at(AT_FDCWD, scratch + "/config", O_WRONLY | O_APPEND);
    const std::string text = concat("\n[core]\nparent=", parent, '\n');
    write_all(config.get(), as_bytes(text), scratch);
}

// More than a distribution's keyring.
constexpr std::size_t kMaxKeyring = 16UL * 1024 * 1024;

std::string read_keyring(const Repository& repository, const RemotePullOptions& options) {
    if (options.gpg_key.empty()) return "";
    return read_regular_file(AT_FDCWD, concat(repository.path(), '/', keyring_name(options.name)),
                             kMaxKeyring);
}

}  // namespace

std::string keyring_name(const std::string& remote) {
    return remote + ".trustedkeys.gpg";
}

RemotePullResult pull_remote(Repository& repository, const RemotePullOptions& options, Progress& progress) {
    check_options(options);
    OstreeRepo* repo = repository.handle().repo.get();
    const UmaskScope umask(umask_for(repo));
    const std::string url = source_url(options);
    GErrorSlot error;
    const GVariantPtr remote = remote_options(options);
    error.check(
        ostree_repo_remote_change(repo, nullptr, OSTREE_REPO_REMOTE_CHANGE_ADD_IF_NOT_EXISTS,
                                  options.name.c_str(), url.c_str(), remote.get(), nullptr, error.out()) != 0,
        concat("cannot add the remote ", quoted(options.name)));
    if (!options.gpg_key.empty()) import_key(repo, options);
    const PulledCommit pulled =
        with_context([&] { return concat("remote ", quoted(url)); },
                     [&] { return pull_ref(repository, options.name, options.ref, progress); });
    return {.commit = pulled.commit,
            .config = concat("\n[remote \"", options.name, "\"]\nurl=", options.url,
                             "\ngpg-verify=", options.gpg_key.empty() ? "false" : "true", '\n'),
            .keyring = read_keyring(repository, options)};
}

PulledCommit pull_configured(Repository& repository, const std::string& remote, const RefName& ref,
                             Progress& progress) {
    const UmaskScope umask(umask_for(repository.handle().repo.get()));
    return with_context([&] { return concat("remote ", quoted(remote)); },
                        [&] { return pull_ref(repository, remote, ref, progress); });
}

CommitId remote_commit(const Repository& repository, const std::string& remote, const RefName& ref) {
    GErrorSlot error;
    GHashTable* table = nullptr;
    InterruptWatch watch;
    const bool ok = ostree_repo_remote_list_refs(repository.handle().repo.get(), remote.c_str(), &table,
                                                 watch.cancellable(), error.out()) != 0;
    watch.finish();
    if (!ok) raise_as_remote(error, concat("remote ", quoted(remote), ": cannot read its summary"));
    const GHashTablePtr owned(table);
    const auto* commit = static_cast<const char*>(g_hash_table_lookup(table, ref.c_str()));
    if (commit == nullptr) {
        throw Error(ErrorKind::not_found,
                    concat("remote ", quoted(remote), ": its summary has no ref ", quoted(ref.text())));
    }
    return CommitId::parse(commit);
}

void pull_directories(Repository& scratch, const Repository& repository, const std::string& remote,
                      const CommitId& commit, const std::vector<std::string>& directories) {
    set_parent(scratch.path(), repository.path());
    scratch = Repository::open(scratch.path());
    OstreeRepo* repo = scratch.handle().repo.get();
    const UmaskScope umask(umask_for(repo));
    GErrorSlot error;
    const GVariantPtr options = directory_options(commit, directories);
    InterruptWatch watch;
    const bool ok = ostree_repo_pull_with_options(repo, remote.c_str(), options.get(), nullptr,
                                                  watch.cancellable(), error.out()) != 0;
    watch.finish();
    if (!ok) raise_as_remote(error, concat("remote ", quoted(remote), ": cannot pull ", commit));
}

std::optional<std::string> read_pulled_file(const Repository& scratch, const CommitId& commit,
                                            const std::string& path, std::size_t limit) {
    std::optional<Sha256> checksum;
    try {
        checksum = find_file(scratch, commit, path);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;  // a directory of the path was not fetched
    }
    if (!checksum) return std::nullopt;
    const ContentObject object = open_object(scratch, *checksum);
    if (object.content == nullptr) return std::nullopt;  // a symbolic link
    return read_all(*object.content, limit, path);
}

RemoteConfig read_remote_config(const Repository& repository, const std::string& remote) {
    constexpr std::array<const char*, 11> kOptions{"url",
                                                   "metalink",
                                                   "contenturl",
                                                   "gpg-verify",
                                                   "gpg-verify-summary",
                                                   "gpgkeypath",
                                                   "collection-id",
                                                   "sign-verify",
                                                   "sign-verify-summary",
                                                   "verification-ed25519-key",
                                                   "verification-ed25519-file"};
    KeyFile file;
    for (const char* option : kOptions) {
        char* value = nullptr;
        GErrorSlot error;
        error.check(ostree_repo_get_remote_option(repository.handle().repo.get(), remote.c_str(), option,
                                                  nullptr, &value, error.out()) != 0,
                    concat("remote ", quoted(remote)));
        const GStringPtr owned(value);
        if (value != nullptr) file.set(concat("remote \"", remote, '"'), option, value);
    }
    const std::string keyring = concat(repository.path(), '/', keyring_name(remote));
    return {.text = concat('\n', file.to_string()),
            .keyring = registry::read_small_file(keyring, kMaxKeyring).value_or("")};
}

}  // namespace osb::ostree

#include "ostree/push/archive_push.hh"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/staging.hh"
#include "ostree/objects/summary.hh"
#include "ostree/push/archive_deltas.hh"
#include "ostree/push/object_closure.hh"
#include "ostree/push/object_transfer.hh"
#include "ostree/push/push_source.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_binding.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

Repository open_destination(const std::string& path) {
    Repository repository = Repository::open_or_create(path);
    if (repository.mode() != RepoMode::archive) {
        throw Error(ErrorKind::unsupported,
                    concat("the repository ", quoted(path), " is in ", to_string(repository.mode()),
                           " mode, which web servers cannot serve"))
            .hint("push to a repository in archive mode");
    }
    if (ostree_repo_get_parent(repository.handle().repo.get()) != nullptr) {
        throw Error(ErrorKind::unsupported,
                    concat("the repository ", quoted(path),
                           " has objects in a parent repository, which HTTP clients cannot read"));
    }
    return repository;
}

// A push to a directory, from the revision to the summary.
class DirectoryPush {
  public:
    DirectoryPush(const PushSource& source, Repository& destination, const ArchivePushOptions& options,
                  Progress& progress)
        : source_(source),
          destination_(destination),
          options_(options),
          progress_(progress),
          objects_(open_at(ostree_repo_get_dfd(destination.handle().repo.get()), "objects",
                           O_RDONLY | O_DIRECTORY)),
          result_{.commit = source.commit(), .ref = source.ref(), .destination = source.commit()} {}

    ArchivePushResult run() {
        check_descent();
        check_origins();
        const GVariantPtr commit_object = load_commit(source_.repository(), source_.commit());
        warn_of_binding(destination_, commit_object.get(), source_.ref());
        // It locks the repository, so that objects that are found are not pruned in the meantime.
        Transaction transaction(destination_);
        find_changes();
        send_objects();
        transaction.lock_refs();
        write_commits(transaction);
        check_descent();  // another push may have changed the ref
        result_.unchanged = current() == source_.commit();
        if (!result_.unchanged) transaction.set_ref(source_.ref(), source_.commit());
        if (!result_.unchanged || !changes_.empty()) transaction.commit();
        progress_.begin("updating the summary", std::nullopt);
        update_summary(destination_);
        // Deltas take minutes, and clients need not wait for them.
        change_deltas();
        if (!result_.deltas.empty() || result_.deltas_pruned > 0) rewrite_summary(destination_);
        return result_;
    }

  private:
    // A commit that the destination does not have, or whose detached metadata it does not have.
    struct Change {
        CommitId commit;
        std::string commit_object;
        std::string detached;
        bool lacking = false;
    };

    // Before anything changes: the destination has the origins, or gets them now.
    void check_origins() const {
        const auto& history = source_.history();
        for (const CommitId& origin : options_.delta_from) {
            const bool is_sent = std::any_of(history.begin(), history.end(), [&](const PushedCommit& pushed) {
                return pushed.commit == origin;
            });
            if (is_sent || has_whole_commit(destination_, origin)) continue;
            throw Error(ErrorKind::not_found,
                        concat("the repository ", quoted(destination_.path()), " does not have the commit ",
                               origin, ", from which a delta is to be made"));
        }
    }

    void change_deltas() {
        std::vector<CommitId> from = options_.delta_from;
        for (const CommitId& commit : commits_before(destination_, source_.commit(), options_.delta_last))
            from.push_back(commit);
        if (!from.empty())
            result_.deltas = make_archive_deltas(destination_, from, source_.commit(), progress_);
        if (options_.prune_deltas) result_.deltas_pruned = prune_archive_deltas(destination_);
    }

    // The commit of the ref in the destination; nullopt if the ref does not exist.
    std::optional<CommitId> current() const {
        const auto refs = local_refs(destination_);
        const auto found = refs.find(source_.ref().text());
        return found == refs.end() ? std::nullopt : std::optional(found->second);
    }

    // True if `ancestor` is the pushed commit or one of its ancestors, as far as both repositories know.
    bool descends_from(const CommitId& ancestor) const {
        const auto& history = source_.history();
        const auto is_it = [&](const PushedCommit& pushed) { return pushed.commit == ancestor; };
        if (std::any_of(history.begin(), history.end(), is_it)) return true;
        std::optional<CommitId> commit = history.back().parent;
        while (commit && *commit != ancestor && has_whole_commit(destination_, *commit))
            commit = parent_of(load_commit(destination_, *commit).get());
        return commit == ancestor;
    }

    void check_descent() const {
        if (options_.force) return;
        const std::optional<CommitId> present = current();
        if (!present || descends_from(*present)) return;
        throw Error(ErrorKind::invalid, concat("the ref ", quoted(source_.ref().text()), " of ",
                                               quoted(destination_.path()), " names the commit ", *present,
                                               ", which is not an ancestor of ", source_.commit()))
            .hint("--force pushes anyway; that commit then has no ref");
    }

    void find_changes() {
        for (const auto& [commit, parent] : source_.history()) {
            check_interrupt();
            Change change{.commit = commit, .lacking = !has_whole_commit(destination_, commit)};
            const std::string theirs = read_detached_metadata(destination_, commit);
            change.detached = join_detached_metadata(
                theirs, read_detached_metadata(source_.repository(), commit), Preferred::added);
            if (change.detached == theirs) change.detached.clear();
            if (!change.lacking && change.detached.empty()) continue;
            change.commit_object = read_commit_object(source_.repository(), commit);
            if (change.lacking) ++result_.commits;
            changes_.push_back(std::move(change));
        }
    }

    bool is_present(const ObjectName& name) const {
        return ::faccessat(objects_.get(), loose_path(name.checksum, name.type, true).c_str(), F_OK,
                           AT_SYMLINK_NOFOLLOW) == 0;
    }

    void send_objects() {
        ObjectClosure closure(source_.repository());
        progress_.begin("finding what is missing", std::nullopt);
        for (const Change& change : changes_) {
            if (!change.lacking) continue;
            with_context([&] { return concat("commit ", change.commit); },
                         [&] { closure.add(root_of(as_bytes(change.commit_object))); });
        }
        std::vector<ObjectName> missing;
        for (const ObjectName& name : closure.objects()) {
            if (!is_present(name)) missing.push_back(name);
        }
        result_.objects_present = closure.objects().size() - missing.size();
        if (missing.empty()) {
            // Without a Staging object, the leftovers of killed runs must be removed here.
            remove_abandoned_staging(ostree_repo_get_dfd(destination_.handle().repo.get()));
            return;
        }
        progress_.begin("sending objects", std::nullopt);
        store(missing);
        result_.objects_sent = missing.size();
    }

    void store(const std::vector<ObjectName>& missing) {
        const StoredObjects stored(source_.repository());
        Staging staging(ostree_repo_get_dfd(destination_.handle().repo.get()));
        ObjectTransfer transfer(stored, destination_, staging);
        // Only objects that the source does not store in archive format must be written.
        std::unique_ptr<ObjectWriter> writer;
        if (source_.repository().mode() != RepoMode::archive)
            writer = std::make_unique<ObjectWriter>(destination_);
        TaskPool pool(options_.jobs);
        std::atomic<std::size_t> next{0};
        std::atomic<bool> failed{false};
        for (unsigned i = 0; i < pool.threads(); ++i) {
            pool.add_producer([&] {
                try {
                    for (std::size_t at = next++; at < missing.size() && !failed; at = next++) {
                        check_interrupt();
                        store_one(missing[at], transfer, writer.get(), pool);
                    }
                } catch (...) {
                    failed = true;
                    throw;
                }
            });
        }
        pool.run();
        if (writer) writer->publish();
        staging.publish(ostree_repo_get_disable_fsync(destination_.handle().repo.get()) == FALSE);
        result_.bytes_sent += transfer.bytes() + (writer ? writer->bytes_written() : 0);
    }

    void store_one(const ObjectName& name, ObjectTransfer& transfer, ObjectWriter* writer, TaskPool& pool) {
        const std::uint64_t before = transfer.bytes();
        if (transfer.transfer(name)) {
            progress_.advance(transfer.bytes() - before);
            return;
        }
        if (name.type != ObjectType::file || writer == nullptr)
            throw Error(ErrorKind::not_found,
                        concat("the repository lacks the object ", to_hex(name.checksum)));
        const Sha256 written = write_file(name.checksum, *writer, pool);
        if (written == name.checksum) return;
        throw Error(ErrorKind::digest_mismatch, concat("the object ", to_hex(name.checksum),
                                                       " does not match its checksum: ", to_hex(written)))
            .hint("run 'ostree fsck' to find damaged objects");
    }

    // Writes a file of a repository that is not in archive mode.
    Sha256 write_file(const Sha256& checksum, ObjectWriter& writer, TaskPool& pool) {
        const ContentObject object = open_object(source_.repository(), checksum);
        const FileMeta meta{
            .uid = object.uid, .gid = object.gid, .mode = object.mode, .xattrs = object.xattrs};
        if (!object.content) return writer.write_file(meta, object.target, {});
        if (object.size <= FileStream::kPiece) {
            const std::string content = read_all(*object.content, FileStream::kPiece, to_hex(checksum));
            progress_.advance(content.size());
            return writer.write_file(meta, {}, as_bytes(content));
        }
        FileStream stream(writer, pool, meta, object.size);
        with_context(
            [&] { return concat("the object ", to_hex(checksum)); },
            [&] { stream.fill(*object.content, [this](std::size_t length) { progress_.advance(length); }); });
        return stream.finish();
    }

    // Write parents first, so that a commit's history exists before the commit.
    void write_commits(Transaction& transaction) {
        std::reverse(changes_.begin(), changes_.end());
        for (const Change& change : changes_) {
            transaction.write_commit(change.commit, change.commit_object, change.detached, Preferred::added);
            if (!change.lacking) continue;
            ++result_.objects_sent;
            result_.bytes_sent += change.commit_object.size() + change.detached.size();
        }
    }

    const PushSource& source_;
    Repository& destination_;
    const ArchivePushOptions& options_;
    Progress& progress_;
    const Fd objects_;
    std::vector<Change> changes_;
    ArchivePushResult result_;
};

}  // namespace

ArchivePushResult push_to_directory(const Repository& source, const std::string& rev, const std::string& path,
                                    const ArchivePushOptions& options, Progress& progress) {
    const PushSource pushed(source, rev, options.ref);
    Repository destination = open_destination(path);
    return DirectoryPush(pushed, destination, options, progress).run();
}

}  // namespace osb::ostree
